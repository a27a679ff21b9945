/** Files that are replaced while they are in use: rightly, wrongly, half, and as Kubernetes does it. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { GatewayError } from '../../../src/errors.ts';
import { CredentialStore } from '../../../src/tls/credential-store.ts';
import { type CredentialsOptions, TlsCredentials } from '../../../src/tls/credentials.ts';
import type { TlsSettings } from '../../../src/tls/material.ts';
import { type LogFields, type Logger, silentLogger } from '../../../src/util/logger.ts';
import { type Certificate, TestAuthority } from '../../support/certs.ts';
import { waitFor } from '../../support/wait-for.ts';

const DAY_MS = 86_400_000;
/** Where a test looks by itself. */
const NEVER = { pollMs: 1_000_000 };
const authority = new TestAuthority();
const folder = mkdtempSync(join(tmpdir(), 'nmg-credentials-'));
const FILES = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key'), ca: join(folder, 'ca.crt') };
const running: TlsCredentials[] = [];
let lines: LogFields[] = [];

afterEach(() => {
  for (const credentials of running.splice(0)) credentials.close();
  lines = [];
});
after(() => {
  authority.remove();
  rmSync(folder, { recursive: true });
});

function logger(): Logger {
  const record = (fields: LogFields): void => {
    lines.push(fields);
  };
  return { ...silentLogger, info: record, warn: record, error: record };
}

const events = (): string[] => lines.map(({ event }) => event);

function install({ cert, key }: { readonly cert: string; readonly key: string }): void {
  writeFileSync(FILES.cert, cert);
  writeFileSync(FILES.key, key);
}

const SETTINGS: TlsSettings = {
  path: 'listeners[0].tls',
  certFile: FILES.cert,
  keyFile: FILES.key,
  keyPassphrase: null,
  caFile: null,
  minVersion: '1.2',
  ciphers: null,
};

function started(settings: Partial<TlsSettings> = {}, options: CredentialsOptions = {}): TlsCredentials {
  const credentials = new TlsCredentials({ ...SETTINGS, ...settings }, logger(), { pollMs: 10, ...options });
  running.push(credentials);
  credentials.watch();
  return credentials;
}

describe('credentials: at start', () => {
  const good = authority.issue();
  const rsa = authority.issue({ keyType: 'rsa' });
  const encrypted = authority.issue({ passphrase: 'hunter2' });
  const WRONG: readonly (readonly [
    name: string,
    files: Partial<Certificate>,
    settings: Partial<TlsSettings>,
    RegExp,
  ])[] = [
    [
      'no such file',
      {},
      { certFile: '/nowhere/x.pem' },
      /listeners\[0\]\.tls\.cert_file: the file \/nowhere\/x\.pem cannot be read: no such file/,
    ],
    ['a folder', {}, { keyFile: folder }, /key_file: .* cannot be read: EISDIR/],
    ['no certificate', { cert: 'rubbish' }, {}, /cert_file: .*tls\.crt holds no certificate in PEM form/],
    [
      'a damaged certificate',
      { cert: good.cert.replace(/\n[A-Za-z0-9+/]{20}/, '\nAAAA') },
      {},
      /cert_file: .*tls\.crt holds a damaged certificate/,
    ],
    ['no key', { key: good.cert }, {}, /key_file: .*tls\.key holds no private key/],
    [
      'the key of another certificate',
      { key: rsa.key },
      {},
      /key_file: the key in .*tls\.key does not belong to .*tls\.crt/,
    ],
    ['an encrypted key without passphrase', encrypted, {}, /key_file: .*is key_passphrase right\?/],
    [
      'an encrypted key with a wrong passphrase',
      encrypted,
      { keyPassphrase: 'wrong' },
      /key_file: .*is key_passphrase right\?/,
    ],
    [
      'authorities that are none',
      {},
      { caFile: good.keyFile },
      /ca_file: .* holds no certificate in PEM form/,
    ],
    ['unknown ciphers', {}, { ciphers: 'NONSENSE' }, /ciphers: OpenSSL knows none of these/],
  ];
  for (const [name, files, settings, message] of WRONG) {
    test(`${name} is refused, by name`, () => {
      install({ ...good, ...files });
      assert.throws(
        () => started(settings),
        (error: unknown) => {
          assert.ok(error instanceof GatewayError);
          assert.equal(error.code, 'GW_CONFIG');
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /hunter2|PRIVATE|BEGIN/);
          return true;
        },
      );
    });
  }

  test('certificates of both kinds of keys, an encrypted key, several authorities', () => {
    for (const [files, keyPassphrase] of [
      [good, null],
      [rsa, null],
      [encrypted, 'hunter2'],
    ] as const) {
      install(files);
      writeFileSync(FILES.ca, `text\n${authority.ca}\nmore\n${good.cert}`);
      assert.equal(started({ keyPassphrase, caFile: FILES.ca }).material.options.cert, files.cert);
    }
  });
});

describe('credentials: while running', () => {
  test('a new pair is in force, and said to be', async () => {
    install(authority.issue());
    const credentials = started();
    let renewals = 0;
    credentials.onRenewed = () => {
      renewals += 1;
    };
    const { context } = credentials;
    const next = authority.issue();
    install(next);
    await waitFor(() => renewals > 0);
    assert.equal(credentials.material.options.cert, next.cert);
    assert.notEqual(credentials.context, context);
    assert.deepEqual(events(), ['tls.reloaded']);
    assert.equal(lines[0]?.file, FILES.cert);
  });

  test('a wrong certificate leaves the old one in force, and is named once', async () => {
    const old = authority.issue();
    install(old);
    const credentials = started({}, NEVER);
    writeFileSync(FILES.cert, 'rubbish');
    for (let looks = 0; looks < 5; looks++) await credentials.look();
    assert.deepEqual(events(), ['tls.reload_failed']);
    assert.match(String(lines[0]?.detail), /tls\.crt holds no certificate/);
    assert.equal(credentials.material.options.cert, old.cert);
    install(old);
    assert.equal(await credentials.reload(), true);
    assert.deepEqual(events(), ['tls.reload_failed']);
  });

  test('a pair that is replaced one by one is never complained about', async () => {
    install(authority.issue());
    const credentials = started({}, NEVER);
    const next = authority.issue();
    writeFileSync(FILES.cert, next.cert);
    // What a look in between sees; the first one is silent.
    await credentials.look();
    writeFileSync(FILES.key, next.key);
    await credentials.look();
    assert.deepEqual(events(), ['tls.reloaded']);
    assert.equal(credentials.material.options.key, next.key);
  });

  test('asked to reload, it says at once what is wrong', async () => {
    install(authority.issue());
    const credentials = started({}, NEVER);
    rmSync(FILES.key);
    assert.equal(await credentials.reload(), false);
    assert.match(String(lines[0]?.detail), /key_file: the file .*tls\.key cannot be read: no such file/);
    assert.deepEqual(events(), ['tls.reload_failed']);
  });

  test('an expired certificate does not replace one that is valid', async () => {
    const old = authority.issue({ days: 100 });
    install(old);
    const credentials = started({}, { ...NEVER, now: () => Date.now() + 50 * DAY_MS });
    install(authority.issue({ days: 10 }));
    assert.equal(await credentials.reload(), false);
    assert.match(String(lines[0]?.detail), /has expired/);
    assert.equal(credentials.material.options.cert, old.cert);
  });

  test('a folder that is swapped by a symbolic link, as Kubernetes does', async () => {
    const mount = join(folder, 'mount');
    const put = (version: string, { cert, key }: Certificate): void => {
      mkdirSync(join(mount, version), { recursive: true });
      writeFileSync(join(mount, version, 'tls.crt'), cert);
      writeFileSync(join(mount, version, 'tls.key'), key);
      symlinkSync(version, join(mount, '..data_tmp'));
      renameSync(join(mount, '..data_tmp'), join(mount, '..data'));
    };
    put('v1', authority.issue());
    for (const name of ['tls.crt', 'tls.key']) symlinkSync(join('..data', name), join(mount, name));
    const credentials = started({ certFile: join(mount, 'tls.crt'), keyFile: join(mount, 'tls.key') });
    const next = authority.issue();
    put('v2', next);
    rmSync(join(mount, 'v1'), { recursive: true });
    await waitFor(() => credentials.material.options.cert === next.cert);
    assert.deepEqual(events(), ['tls.reloaded']);
  });

  test('after the end nothing is read any more', async () => {
    install(authority.issue());
    const credentials = started();
    credentials.close();
    install(authority.issue());
    assert.equal(await credentials.reload(), false);
    assert.deepEqual(events(), []);
  });
});

describe('credentials: expiry', () => {
  test('is logged 30, 7 and 1 days ahead, once each, and when it has come', async () => {
    install(authority.issue({ days: 100 }));
    let ahead = 0;
    const credentials = started({}, { ...NEVER, now: () => Date.now() + ahead * DAY_MS });
    const after = async (days: number, count: number): Promise<void> => {
      ahead = days;
      for (let looks = 0; looks < 3; looks++) await credentials.look();
      assert.equal(lines.length, count);
    };
    await after(60, 0);
    await after(71, 1);
    await after(80, 1);
    await after(94, 2);
    await after(99.5, 3);
    await after(101, 4);
    assert.deepEqual(
      lines.map(({ event, days_left }) => [event, days_left]),
      [
        ['tls.certificate_expires', 28],
        ['tls.certificate_expires', 5],
        ['tls.certificate_expires', 0],
        ['tls.certificate_expired', undefined],
      ],
    );
  });

  test('an intermediate certificate that expires first counts', () => {
    const leaf = authority.issue({ days: 300 });
    install({ ...leaf, cert: leaf.cert + authority.issue({ days: 5 }).cert });
    started();
    assert.deepEqual(events(), ['tls.certificate_expires']);
  });

  test('a new certificate is judged anew', async () => {
    install(authority.issue({ days: 20 }));
    const credentials = started({}, NEVER);
    install(authority.issue({ days: 25 }));
    assert.equal(await credentials.reload(), true);
    assert.deepEqual(events(), ['tls.certificate_expires', 'tls.reloaded', 'tls.certificate_expires']);
  });
});

test('credential store: reloads all, and says whether all are in force', async () => {
  install(authority.issue());
  const store = new CredentialStore(logger());
  const first = store.open(SETTINGS);
  store.open({ ...SETTINGS, certFile: null, keyFile: null, path: 'upstream.tls' });
  assert.equal(await store.reload(), true);
  writeFileSync(FILES.cert, '');
  assert.equal(await store.reload(), false);
  assert.match(String(first.material.options.cert), /BEGIN CERTIFICATE/);
  store.close();
  store.close();
});
