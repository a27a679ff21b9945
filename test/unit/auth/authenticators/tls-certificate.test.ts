import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientCertificate, Verdict } from '../../../../src/auth/authenticator.ts';
import { createTlsCertificateAuthenticator } from '../../../../src/auth/authenticators/tls-certificate.ts';
import { NO_GRANTS } from '../../../../src/auth/user-record.ts';
import { credentials } from '../../../support/credentials.ts';

const CERTIFICATE: ClientCertificate = {
  emails: ['alice@example.org', 'a@example.org'],
  dnsNames: ['alice.example.org'],
  uris: ['spiffe://example.org/alice'],
  subject: 'CN=alice,OU=Dev,O=Acme,C=US',
  commonName: 'alice',
};
const { signal } = new AbortController();

async function judge(
  users: readonly string[],
  certificate: Partial<ClientCertificate> | null = {},
  unmapped: 'reject' | 'skip' = 'reject',
): Promise<Verdict> {
  const method = await createTlsCertificateAuthenticator({
    users: users.map((user) => ({ ...NO_GRANTS, user })),
    unmapped,
  });
  const shown = certificate === null ? null : { ...CERTIFICATE, ...certificate };
  return await method.authenticate(credentials({ certificate: shown, user: 'bob', pass: 'x' }), signal);
}

async function nameOf(
  users: readonly string[],
  certificate: Partial<ClientCertificate> = {},
): Promise<string> {
  const verdict = await judge(users, certificate);
  return verdict.kind === 'accept' ? verdict.identity.name : verdict.kind;
}

/** In nats-server's order: with all of them as users the first that is left wins. */
const ORDER = [
  'alice@example.org',
  'a@example.org',
  'alice.example.org',
  'spiffe://example.org/alice',
  'CN=alice,OU=Dev,O=Acme,C=US',
  'C=US,O=Acme,OU=Dev,CN=alice',
];
for (const [at, name] of ORDER.entries()) {
  test(`tls_certificate: ${name} comes ${at + 1}.`, async () => {
    assert.equal(await nameOf(ORDER.slice(at).reverse()), name);
  });
}

const SUBJECTS: [name: string, user: string, subject: string, isMapped: boolean][] = [
  ['the same levels in another order', 'O=Acme,CN=alice,C=US,OU=Dev', CERTIFICATE.subject, true],
  ['types in small letters', 'cn=alice,ou=Dev,o=Acme,c=US', CERTIFICATE.subject, true],
  ['values in other letters', 'CN=Alice,OU=Dev,O=Acme,C=US', CERTIFICATE.subject, false],
  ['fewer levels', 'CN=alice,O=Acme', CERTIFICATE.subject, false],
  ['the common name alone', 'alice', CERTIFICATE.subject, false],
  ['the common name alone, as a subject', 'CN=alice', CERTIFICATE.subject, false],
  ['a subject that is a common name', 'CN=alice', 'CN=alice', true],
  ['a comma in the common name', 'CN=alice,OU=Dev', 'CN=alice\\,OU=Dev', false],
  ['domain components', 'CN=a,O=Acme,DC=example,DC=org', 'CN=a,DC=example,DC=org,O=Acme', true],
  [
    'domain components behind what nats-server knows',
    'CN=a,O=Acme,DC=example,DC=org',
    'CN=a,UID=7,O=Acme,DC=example,DC=org',
    true,
  ],
  ['what nats-server knows of the subject', 'CN=a,O=Acme', 'CN=a,UID=7,O=Acme', true],
  ['several units as nats-server writes them', 'CN=a,OU=x+OU=y', 'CN=a,OU=x,OU=y', true],
];
for (const [name, user, subject, isMapped] of SUBJECTS) {
  test(`tls_certificate: ${name}: ${isMapped ? 'mapped' : 'refused'}`, async () => {
    const bare = { emails: [], dnsNames: [], uris: [], subject };
    assert.equal(await nameOf([user], bare), isMapped ? user : 'reject');
  });
}

test('tls_certificate: a certificate without any name is nobody', async () => {
  const bare = { emails: [''], dnsNames: [], uris: [], subject: '', commonName: '' };
  assert.equal(await nameOf([''], bare), 'reject');
});

test('tls_certificate: without a certificate it is for other methods', async () => {
  assert.equal((await judge(ORDER, null)).kind, 'skip');
});

test('tls_certificate: an unknown certificate is refused, or left to other methods', async () => {
  assert.equal((await judge(['bob'])).kind, 'reject');
  assert.equal((await judge(['bob'], {}, 'skip')).kind, 'skip');
});

test('tls_certificate: gives the permissions of the user', async () => {
  const permissions = {
    publish: { allow: ['a'], deny: [] },
    subscribe: { allow: [], deny: [] },
    allowResponses: null,
  };
  const method = await createTlsCertificateAuthenticator({
    users: [{ ...NO_GRANTS, user: 'alice@example.org', permissions }],
    unmapped: 'reject',
  });
  const verdict = await method.authenticate(credentials({ certificate: CERTIFICATE }), signal);
  assert.ok(verdict.kind === 'accept');
  assert.deepEqual(verdict.identity.permissions, permissions);
});

test('tls_certificate: will not start with a user twice', async () => {
  await assert.rejects(judge(['a', 'a']), { code: 'GW_CONFIG' });
});
