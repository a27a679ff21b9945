/**
 * `tls_certificate`: the certificate that a client has shown in the handshake says which user it is. Names are tried in
 * the order of nats-server's `verify_and_map`. User and password of CONNECT do not matter: they are for the broker.
 */
import { GatewayError } from '../../errors.ts';
import type { Authenticator, ClientCertificate, Credentials, Verdict } from '../authenticator.ts';
import { hasSameLevels, isSameName, parseName, type RelativeName } from '../distinguished-name.ts';
import { acceptGranted, grantedIdentity } from '../identity.ts';
import type { UserGrants } from '../user-record.ts';

/** Settings of the method. */
export interface TlsCertificateSettings {
  readonly users: readonly CertificateUser[];
  /** What becomes of a certificate that is no user's: refused, or left to the next method. */
  readonly unmapped: 'reject' | 'skip';
}

/** A user, by a name that stands in its certificate. */
export interface CertificateUser extends UserGrants {
  /** E-mail address, DNS name or URI of the certificate, or its subject: `CN=alice,OU=Dev,O=Acme`. */
  readonly user: string;
}

/** What nats-server knows of a subject when it writes it as text, in that order. */
const TEXT_ORDER = ['SERIALNUMBER', 'CN', 'POSTALCODE', 'STREET', 'ST', 'L', 'OU', 'O', 'C'];

interface Known extends CertificateUser {
  /** Null when the user is not named by a subject. */
  readonly subject: readonly RelativeName[] | null;
}

/**
 * Makes the method.
 * @throws {GatewayError} `GW_CONFIG` when a user is listed twice
 */
export async function createTlsCertificateAuthenticator(
  settings: TlsCertificateSettings,
): Promise<Authenticator> {
  const users = new Map<string, Known>();
  for (const user of settings.users) {
    if (users.has(user.user))
      throw new GatewayError(
        'GW_CONFIG',
        `authentication method tls_certificate: listed twice: ${user.user}`,
      );
    users.set(user.user, { ...user, subject: parseName(user.user) });
  }
  return {
    method: 'tls_certificate',
    needsNonce: false,
    authenticate: async (shown) => judge(users, settings.unmapped, shown),
    close: async () => {},
  };
}

function judge(
  users: ReadonlyMap<string, Known>,
  unmapped: TlsCertificateSettings['unmapped'],
  shown: Credentials,
): Verdict {
  const { certificate } = shown;
  if (certificate === null) return { kind: 'skip' };
  const user = userOf(users, certificate);
  if (user !== null) return acceptGranted(grantedIdentity('tls_certificate', user.user, user), user, shown);
  return unmapped === 'skip' ? { kind: 'skip' } : { kind: 'reject', detail: 'no user has this certificate' };
}

function userOf(users: ReadonlyMap<string, Known>, certificate: ClientCertificate): Known | null {
  const { emails, dnsNames, uris } = certificate;
  const byName = firstOf(users, [...emails, ...dnsNames, ...uris]);
  if (byName !== null) return byName;
  const subject = parseName(certificate.subject);
  if (subject === null) return null;
  const candidates = [...users.values()];
  const bySubject =
    candidates.find((user) => user.subject !== null && isSameName(user.subject, subject)) ??
    candidates.find((user) => user.subject !== null && hasSameLevels(user.subject, subject));
  return bySubject ?? firstOf(users, [withDomain(subject), plainText(subject), certificate.subject]);
}

function firstOf(users: ReadonlyMap<string, Known>, names: readonly string[]): Known | null {
  // A certificate without a name of some kind must not be taken for a user without a name.
  const name = names.find((candidate) => candidate !== '' && users.has(candidate));
  return name === undefined ? null : (users.get(name) ?? null);
}

/** The subject as nats-server writes it, followed by its domain components. */
function withDomain(subject: readonly RelativeName[]): string {
  const domain = valuesOf(subject, 'DC').map((value) => `DC=${value}`);
  return domain.length === 0 ? '' : [plainText(subject), ...domain].join(',');
}

function plainText(subject: readonly RelativeName[]): string {
  return TEXT_ORDER.map((type) => valuesOf(subject, type).map((value) => `${type}=${escapeValue(value)}`))
    .filter((parts) => parts.length > 0)
    .map((parts) => parts.join('+'))
    .join(',');
}

function valuesOf(subject: readonly RelativeName[], wanted: string): string[] {
  return subject.flatMap((level) => level.filter(({ type }) => type === wanted).map(({ value }) => value));
}

/** RFC 2253 §2.4 */
function escapeValue(value: string): string {
  return value.replace(/[,+"\\<>;]/g, '\\$&').replace(/^[ #]|[ ]$/g, '\\$&');
}
