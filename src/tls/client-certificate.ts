/**
 * Reads names out of a client certificate, so that none can be smuggled in through another: the texts that Node.js
 * makes of a certificate are taken apart by their documented grammar, and what does not follow it is refused.
 */
import { createHash, type X509Certificate } from 'node:crypto';
import type { ClientCertificate } from '../auth/authenticator.ts';

/** One alternative name and what follows it. A value with a comma, quote or control character comes as JSON string. */
const NAME = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, (?=.)|$)/y;

/**
 * @returns null when the certificate has names that cannot be told apart for certain: it must not be let in
 * @see Node.js, X509Certificate.subjectAltName
 */
export function readClientCertificate(certificate: X509Certificate): ClientCertificate | null {
  const names = alternativeNames(certificate.subjectAltName ?? '');
  if (names === null) return null;
  const of = (kind: string) => names.flatMap(([one, value]) => (one === kind ? [value] : []));
  const subject = relativeNames(certificate.subject);
  return {
    emails: of('email'),
    dnsNames: of('DNS'),
    uris: of('URI'),
    subject: joined(subject),
    commonName: commonName(subject),
  };
}

/** A name as node:crypto writes it (one relative name per line, the most general first) in one line, as RFC 2253 has it. */
export function nameText(name: string): string {
  return joined(relativeNames(name));
}

/** The most specific first. */
function relativeNames(name: string | undefined): string[] {
  return name === undefined || name === '' ? [] : name.split('\n').reverse();
}

/** "+" stands between blanks only where it joins two attributes: inside a value it is escaped. */
function joined(names: readonly string[]): string {
  return names.map((name) => name.replaceAll(' + ', '+')).join(',');
}

/** SHA-256 of the public key, as pins are written. */
export function publicKeyFingerprint(certificate: X509Certificate): string {
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('hex');
}

/** Exported for tests with names that no tool would put into a certificate. */
export function alternativeNames(text: string): [kind: string, value: string][] | null {
  const names: [string, string][] = [];
  NAME.lastIndex = 0;
  while (NAME.lastIndex < text.length) {
    const [, kind = '', value = ''] = NAME.exec(text) ?? [];
    if (kind === '') return null;
    const plain = value.startsWith('"') ? unquoted(value) : value;
    if (plain === null) return null;
    names.push([kind, plain]);
  }
  return names;
}

function unquoted(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}

/** The most specific CN, without the escapes of RFC 2253. */
function commonName(names: readonly string[]): string {
  for (const name of names) {
    const attribute = name.split(' + ').find((one) => one.startsWith('CN='));
    if (attribute !== undefined) return unescaped(attribute.slice('CN='.length));
  }
  return '';
}

/** Backslash and two hexadecimal digits stand for a byte, backslash and anything else for that. */
function unescaped(text: string): string {
  return text.replaceAll(/\\(?:([0-9A-Fa-f]{2})|([\s\S]))/g, (_all, hex?: string, other?: string) =>
    hex === undefined ? (other ?? '') : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
