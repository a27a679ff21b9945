/** Checklist rows 79 to 82: TLS within the connection, next to nats-server. */
import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { after, before, test } from 'node:test';
import { TestAuthority } from '../../support/certs.ts';
import { connectRaw } from '../../support/raw-client.ts';
import { connectRawTls, type RawTlsOptions, readClearInfo } from '../../support/raw-tls.ts';
import { waitFor } from '../../support/wait-for.ts';
import { type Pair, runOn, runOnBoth, type Script, type Stage, startPair } from './compat.ts';
import { EOF, operations } from './transcript.ts';

const authority = new TestAuthority();
const stranger = new TestAuthority('Somebody Else');
const server = authority.issue();
const alice = authority.issue({ subject: '/CN=alice', names: '' });
const mallory = stranger.issue({ subject: '/CN=alice', names: '' });
const TRUST = { ca: authority.ca };
const PAIR = { cert_file: server.certFile, key_file: server.keyFile };
const VERIFY = { ...PAIR, ca_file: authority.caFile, verify: true };
const QUIET = 'CONNECT {"verbose":false}\r\n';

const pairWith = (type: string, tls: object, natsServer: object): Promise<Pair> =>
  startPair({
    gateway: { listeners: [{ name: type, type, bind: '127.0.0.1:0', tls }], upstream: { probe: false } },
    natsServer: { settings: { ...natsServer } },
  });

let required: Pair;
let optional: Pair;
let verified: Pair;

before(async () => {
  [required, optional, verified] = await Promise.all([
    pairWith('tls', PAIR, { tls: PAIR }),
    pairWith('tcp', { ...PAIR, optional: true }, { tls: PAIR, allow_non_tls: true }),
    pairWith('tls', VERIFY, { tls: VERIFY }),
  ]);
});
after(async () => {
  await Promise.all([required.stop(), optional.stop(), verified.stop()]);
  authority.remove();
  stranger.remove();
});

/** What INFO says of TLS. */
function tlsOf(info: Readonly<Record<string, unknown>>): unknown {
  const { tls_required, tls_available, tls_verify } = info;
  return { tls_required, tls_available, tls_verify };
}

const NOTHING = { tls_required: undefined, tls_available: undefined, tls_verify: undefined };

async function secure(stage: Stage, options: RawTlsOptions = {}) {
  const { host, port } = stage.target;
  const { client } = await connectRawTls(host, port, { ...TRUST, ...options });
  return stage.adopt(client);
}

/** Clear-text INFO, handshake, then the answer to a CONNECT, a SUB and a PUB. */
const upgraded =
  (options: RawTlsOptions = {}): Script<unknown> =>
  async (stage) => {
    const client = await secure(stage, options);
    client.send(`${QUIET}SUB a 1\r\nPUB a 2\r\nhi\r\n`);
    return { info: tlsOf(client.raw.info), answer: await client.sync() };
  };

/** Whether the handshake, or what comes right after it, fails. */
const refused =
  (options: RawTlsOptions): Script<string> =>
  async (stage) => {
    try {
      const client = await secure(stage, options);
      client.send(QUIET);
      await client.sync();
      return 'let in';
    } catch {
      return 'refused';
    }
  };

test('checklist 79: INFO in clear text, then the handshake, then everything else', async () => {
  await runOnBoth(required, upgraded(), {
    info: { ...NOTHING, tls_required: true },
    answer: ['MSG a 1 2\r\nhi'],
  });
});

test('checklist 79: TLS 1.2 as well, nothing older', async () => {
  const expected = { info: { ...NOTHING, tls_required: true }, answer: ['MSG a 1 2\r\nhi'] };
  await runOnBoth(required, upgraded({ maxVersion: 'TLSv1.2' }), expected);
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  await runOnBoth(required, refused(old), 'refused');
});

for (const [name, send] of [
  ['CONNECT in clear text', `${QUIET}PING\r\n`],
  ['rubbish', 'rubbish\r\n'],
] as const) {
  test(`checklist 80: ${name} ends the connection without a byte`, async () => {
    await runOnBoth(
      required,
      async (stage) => {
        const client = await stage.open(null);
        client.send(send);
        const ended = await client.ended();
        return ended.map((operation) => (operation === 'RST' ? EOF : operation));
      },
      [EOF],
    );
  });
}

test('checklist 80: silence ends after two seconds without a byte', async () => {
  await runOnBoth(
    required,
    async (stage) => {
      const start = performance.now();
      const ended = await (await stage.open(null)).ended();
      return { ended, seconds: Math.round((performance.now() - start) / 1000) };
    },
    { ended: [EOF], seconds: 2 },
  );
});

test('checklist 80: where TLS is optional, the first byte decides', async () => {
  const info = { ...NOTHING, tls_available: true };
  const answer = ['MSG a 1 2\r\nhi'];
  await runOnBoth(optional, upgraded(), { info, answer });
  const plain: Script<unknown> = async (stage) => {
    const client = await stage.open(null);
    client.send(`${QUIET}SUB a 1\r\nPUB a 2\r\nhi\r\n`);
    return { info: tlsOf(client.raw.info), answer: await client.sync() };
  };
  await runOnBoth(optional, plain, { info, answer });
});

// The nats-server of the tests (2.9.10) is older than `handshake_first`: what later ones do is held by the gateway alone.
test('checklist 81: with handshake_first "auto", a client that waits gets INFO in clear text after 50 ms', async () => {
  const pair = await pairWith('tls', { ...PAIR, handshake_first: 'auto' }, {});
  try {
    const gateway = pair.targets[1];
    await runOn(gateway, async (stage) => {
      const socket = createConnection(gateway.port, gateway.host);
      const start = performance.now();
      const info = await readClearInfo(socket);
      socket.destroy();
      assert.deepEqual(tlsOf(info), { ...NOTHING, tls_required: true });
      const took = performance.now() - start;
      assert.ok(took >= 45 && took < 1_000, `${took} ms`);
      assert.deepEqual(await upgraded()(stage), {
        info: { ...NOTHING, tls_required: true },
        answer: ['MSG a 1 2\r\nhi'],
      });
      const first = await secure(stage, { upgrade: false });
      assert.deepEqual(tlsOf(first.raw.info), { ...NOTHING, tls_required: true });
      first.send(QUIET);
      assert.deepEqual(await first.sync(), []);
    });
  } finally {
    await pair.stop();
  }
});

test('checklist 81: with handshake_first true, not a byte before the handshake', async () => {
  const pair = await pairWith('tls', { ...PAIR, handshake_first: true, timeout: '300ms' }, {});
  try {
    const gateway = pair.targets[1];
    await runOn(gateway, async (stage) => {
      const silent = await connectRaw(gateway.host, gateway.port, { readInfo: false });
      assert.deepEqual(operations((await silent.closed()).leftover), []);
      const first = await secure(stage, { upgrade: false });
      assert.deepEqual(tlsOf(first.raw.info), { ...NOTHING, tls_required: true });
    });
  } finally {
    await pair.stop();
  }
});

test('checklist 82: a client certificate is required', async () => {
  const { cert, key } = alice;
  await runOnBoth(verified, upgraded({ cert, key }), {
    info: { ...NOTHING, tls_required: true, tls_verify: true },
    answer: ['MSG a 1 2\r\nhi'],
  });
  await runOnBoth(verified, refused({}), 'refused');
  await runOnBoth(verified, refused({ cert: mallory.cert, key: mallory.key }), 'refused');
  await waitFor(() => verified.gateway.logLines('client.tls_failed').length > 0);
});
