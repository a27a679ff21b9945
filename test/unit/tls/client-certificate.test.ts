/** Names of client certificates made by OpenSSL, with everything in them that could pass for another name. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, test } from 'node:test';
import {
  alternativeNames,
  publicKeyFingerprint,
  readClientCertificate,
} from '../../../src/tls/client-certificate.ts';
import { type CertificateOptions, TestAuthority } from '../../support/certs.ts';

const authority = new TestAuthority();
after(() => authority.remove());

function read(options: CertificateOptions) {
  return readClientCertificate(new X509Certificate(authority.issue(options).cert));
}

test('client certificate: an ordinary one', () => {
  const names = 'email:alice@acme.example,DNS:a.example,DNS:b.example,URI:spiffe://acme/alice,IP:10.0.0.1';
  assert.deepEqual(read({ subject: '/C=US/O=Acme/OU=Dev/CN=alice', names }), {
    emails: ['alice@acme.example'],
    dnsNames: ['a.example', 'b.example'],
    uris: ['spiffe://acme/alice'],
    subject: 'CN=alice,OU=Dev,O=Acme,C=US',
    commonName: 'alice',
  });
});

test('client certificate: nothing but a common name, and nothing at all', () => {
  const none = { emails: [], dnsNames: [], uris: [] };
  assert.deepEqual(read({ subject: '/CN=bob', names: '' }), {
    ...none,
    subject: 'CN=bob',
    commonName: 'bob',
  });
  assert.deepEqual(read({ subject: '/', names: '' }), { ...none, subject: '', commonName: '' });
});

test('client certificate: names that pretend to be several stay one', () => {
  const extensions = [
    'subjectAltName=@san',
    '[san]',
    String.raw`DNS.1=evil.example\, DNS:admin.example`,
    'DNS.2=plain.example',
    String.raw`DNS.3=quote"\, email:root@acme.example`,
    'URI.1=spiffe://a/b,DNS:other.example',
    'email.1=alice@acme.example',
    'dirName.1=other',
    'otherName.1=1.3.6.1.5.5.7.8.9;UTF8:x@y, DNS:boo.example',
    '[other]',
    'CN=x, DNS:foo.example',
  ].join('\n');
  const certificate = read({ extensions });
  const [first, second, third, ...more] = certificate?.dnsNames ?? [];
  assert.deepEqual([first, second, more], ['evil.example, DNS:admin.example', 'plain.example', []]);
  // What is left of quotes and backslashes is up to openssl's configuration language.
  assert.match(third ?? '', /^quote.*email:root@acme\.example$/);
  assert.deepEqual(certificate?.emails, ['alice@acme.example']);
  assert.deepEqual(certificate?.uris, ['spiffe://a/b,DNS:other.example']);
});

test('client certificate: a subject that pretends to have more parts', () => {
  const subject = String.raw`/O=Acme, Inc + CN\=root/OU=a \+ CN\=admin/CN=al,ice "x" <y> ü`;
  const certificate = read({ subject, names: '' });
  assert.equal(certificate?.commonName, 'al,ice "x" <y> ü');
  assert.ok(certificate?.subject.startsWith(String.raw`CN=al\,ice \"x\" \<y\> ü,OU=a \+ CN=admin,`));
});

test('client certificate: several attributes in one part, several common names', () => {
  const subject = '/O=Acme/CN=first/OU=Dev+CN=second';
  const certificate = read({ subject, names: '' });
  assert.equal(certificate?.commonName, 'second');
  assert.match(certificate?.subject ?? '', /^(?:OU=Dev\+CN=second|CN=second\+OU=Dev),CN=first,O=Acme$/);
});

for (const text of [
  'DNS:a, ',
  'DNS:a,DNS:b',
  'DNS:a"b',
  'DNS:"a',
  'DNS:"a" b',
  String.raw`DNS:"\x"`,
  ':a',
  'nothing',
  '"DNS":a',
]) {
  test(`alternative names: ${text} is refused`, () => assert.equal(alternativeNames(text), null));
}

test('alternative names: as Node.js writes them', () => {
  assert.deepEqual(alternativeNames(''), []);
  assert.deepEqual(alternativeNames(String.raw`IP Address:::1, DNS:"a\u002c b", email:, DirName:"CN=x"`), [
    ['IP Address', '::1'],
    ['DNS', 'a, b'],
    ['email', ''],
    ['DirName', 'CN=x'],
  ]);
});

test('fingerprint: the SHA-256 of the public key, for both kinds of keys', () => {
  for (const keyType of ['ec', 'rsa'] as const) {
    const { cert, pin } = authority.issue({ keyType });
    assert.match(pin, /^[0-9a-f]{64}$/);
    assert.equal(publicKeyFingerprint(new X509Certificate(cert)), pin);
  }
});
