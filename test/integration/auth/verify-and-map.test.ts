/**
 * `tls_certificate` next to `verify_and_map` of a real nats-server: which user a certificate is, with both asked the same
 * question. nats-server does not tell the name, so each of its users may publish to a subject of its own only.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect, type TlsOptions } from '@nats-io/transport-node';
import type { ClientCertificate } from '../../../src/auth/authenticator.ts';
import { createTlsCertificateAuthenticator } from '../../../src/auth/authenticators/tls-certificate.ts';
import { NO_GRANTS } from '../../../src/auth/user-record.ts';
import { credentials } from '../../support/credentials.ts';
import { startNatsServer } from '../../support/nats-server.ts';
import { PROGRAMS, requireProgram } from '../../support/processes.ts';

const OPENSSL = requireProgram(PROGRAMS.openssl);
const folder = mkdtempSync(join(tmpdir(), 'nmg-map-'));
after(() => rmSync(folder, { recursive: true }));
const path = (name: string): string => join(folder, name);

/** A certificate signed by the authority, or the authority itself. */
function issue(name: string, subject: string, names: string | null): void {
  const own = ['-keyout', path(`${name}.key`), '-out', path(`${name}.pem`), '-days', '2', '-nodes'];
  const by = name === 'ca' ? [] : ['-CA', path('ca.pem'), '-CAkey', path('ca.key')];
  const extension = names === null ? [] : ['-addext', `subjectAltName=${names}`];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  execFileSync(OPENSSL, ['req', '-x509', ...key, ...own, ...by, ...extension, '-subj', subject, '-utf8'], {
    stdio: 'pipe',
  });
}

interface Example {
  readonly name: string;
  /** For openssl, in the order of the certificate. */
  readonly subject: string;
  readonly names: string | null;
  /** The same as the gateway sees it. */
  readonly seen: Partial<ClientCertificate>;
  readonly users: readonly string[];
  /** Which of the users it is. */
  readonly expected: string | null;
}

const ACME = '/C=US/O=Acme/OU=Dev/CN=alice';
const ACME_TEXT = 'CN=alice,OU=Dev,O=Acme,C=US';
const ALL_NAMES = 'email:alice@example.org,DNS:alice.example.org,URI:spiffe://example.org/alice';
const seenAll = {
  emails: ['alice@example.org'],
  dnsNames: ['alice.example.org'],
  uris: ['spiffe://example.org/alice'],
  subject: ACME_TEXT,
};
const NAMES = ['alice@example.org', 'alice.example.org', 'spiffe://example.org/alice', ACME_TEXT];

const EXAMPLES: Example[] = [
  ...NAMES.map((expected, at) => ({
    name: `kind of name ${at + 1} before those behind it`,
    subject: ACME,
    names: ALL_NAMES,
    seen: seenAll,
    users: NAMES.slice(at),
    expected,
  })),
  {
    name: 'a subject in another order',
    subject: ACME,
    names: null,
    seen: { subject: ACME_TEXT },
    users: ['O=Acme,C=US,CN=alice,OU=Dev'],
    expected: 'O=Acme,C=US,CN=alice,OU=Dev',
  },
  {
    name: 'the exact order before another',
    subject: ACME,
    names: null,
    seen: { subject: ACME_TEXT },
    users: ['C=US,O=Acme,OU=Dev,CN=alice', ACME_TEXT],
    expected: ACME_TEXT,
  },
  {
    name: 'a common name alone',
    subject: ACME,
    names: null,
    seen: { subject: ACME_TEXT },
    users: ['alice', 'CN=alice'],
    expected: null,
  },
  {
    name: 'fewer levels',
    subject: ACME,
    names: null,
    seen: { subject: ACME_TEXT },
    users: ['CN=alice,O=Acme'],
    expected: null,
  },
  {
    name: 'values in other letters',
    subject: ACME,
    names: null,
    seen: { subject: ACME_TEXT },
    users: ['CN=Alice,OU=Dev,O=Acme,C=US'],
    expected: null,
  },
  {
    name: 'domain components',
    subject: '/DC=org/DC=example/O=Acme/CN=alice',
    names: null,
    seen: { subject: 'CN=alice,O=Acme,DC=example,DC=org' },
    users: ['CN=alice,O=Acme,DC=example,DC=org'],
    expected: 'CN=alice,O=Acme,DC=example,DC=org',
  },
  {
    name: 'an attribute that nats-server does not write',
    subject: '/O=Acme/UID=7/CN=alice',
    names: null,
    seen: { subject: 'CN=alice,UID=7,O=Acme' },
    users: ['CN=alice,O=Acme'],
    expected: 'CN=alice,O=Acme',
  },
  {
    name: 'another e-mail address',
    subject: ACME,
    names: 'email:bob@example.org',
    seen: { emails: ['bob@example.org'], subject: ACME_TEXT },
    users: ['alice@example.org'],
    expected: null,
  },
];

issue('ca', '/CN=Test Authority', null);
issue('server', '/CN=localhost', 'DNS:localhost,IP:127.0.0.1');

/** Who nats-server takes the client for, by which of the users' subjects it may publish to. */
async function askServer(example: Example, at: number): Promise<string | null> {
  const server = await startNatsServer({
    settings: {
      tls: {
        cert_file: path('server.pem'),
        key_file: path('server.key'),
        ca_file: path('ca.pem'),
        verify_and_map: true,
      },
      authorization: {
        users: example.users.map((user, number) => ({
          user,
          permissions: { publish: { allow: [`user.${number}`] }, subscribe: { allow: ['>'] } },
        })),
      },
    },
  });
  const read = (file: string): string => readFileSync(path(file), 'utf8');
  const tls: TlsOptions = { ca: read('ca.pem'), cert: read(`${at}.pem`), key: read(`${at}.key`) };
  try {
    const client = await connect({ servers: server.url, tls, reconnect: false });
    const heard: string[] = [];
    client.subscribe('user.*', {
      callback: (error, message) => {
        heard.push(error?.message ?? message.subject);
      },
    });
    for (const number of example.users.keys()) client.publish(`user.${number}`);
    await client.flush();
    await client.close();
    const [subject] = heard.filter((text) => text.startsWith('user.'));
    return example.users[Number(subject?.slice('user.'.length))] ?? null;
  } catch (error) {
    if (error instanceof Error && error.name === 'AuthorizationError') return null;
    throw error;
  } finally {
    await server.stop();
  }
}

async function askMethod(example: Example): Promise<string | null> {
  const method = await createTlsCertificateAuthenticator({
    users: example.users.map((user) => ({ ...NO_GRANTS, user })),
    unmapped: 'reject',
  });
  const certificate = { emails: [], dnsNames: [], uris: [], subject: '', commonName: '', ...example.seen };
  const verdict = await method.authenticate(credentials({ certificate }), new AbortController().signal);
  return verdict.kind === 'accept' ? verdict.identity.name : null;
}

for (const [at, example] of EXAMPLES.entries()) {
  test(`verify_and_map: ${example.name}: ${example.expected ?? 'nobody'}, by both`, async () => {
    issue(String(at), example.subject, example.names);
    assert.equal(await askServer(example, at), example.expected, 'nats-server');
    assert.equal(await askMethod(example), example.expected, 'the method');
  });
}
