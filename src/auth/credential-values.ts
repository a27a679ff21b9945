/**
 * What placeholders of queries and commands stand for. The names are those of `client_info`, and EMQX's. Pure.
 */
import type { Credentials } from './authenticator.ts';

type Reader = (credentials: Credentials) => string;

/** Fields of CONNECT; `${Packet.…}` is EMQX's way of writing them. */
const CONNECT_FIELDS: Readonly<Record<string, Reader>> = {
  user: ({ user }) => user,
  pass: ({ pass }) => pass,
  auth_token: ({ token }) => token,
  jwt: ({ jwt }) => jwt,
  nkey: ({ nkey }) => nkey,
  name: ({ clientName }) => clientName,
};

const commonName: Reader = ({ certificate }) => certificate?.commonName ?? '';
const subject: Reader = ({ certificate }) => certificate?.subject ?? '';
const address: Reader = ({ remoteAddress }) => remoteAddress;

const READERS: ReadonlyMap<string, Reader> = new Map([
  ...Object.entries(CONNECT_FIELDS).flatMap(([field, read]): [string, Reader][] => [
    [`connect.${field}`, read],
    [`Packet.${field}`, read],
  ]),
  ['username', ({ user }) => user],
  ['password', ({ pass }) => pass],
  ['clientid', ({ clientName }) => clientName],
  ['peer.address', address],
  ['peerhost', address],
  ['listener', ({ listener }) => listener],
  ['tls.common_name', commonName],
  ['cert_common_name', commonName],
  ['tls.subject', subject],
  ['cert_subject', subject],
] satisfies [string, Reader][]);

/** Names that {@link credentialValue} knows. */
export const CREDENTIAL_NAMES: readonly string[] = [...READERS.keys()];

/** The value of a placeholder: empty when the client has not shown it, null when there is no such placeholder. */
export function credentialValue(name: string, credentials: Credentials): string | null {
  return READERS.get(name)?.(credentials) ?? null;
}

/** What must not appear in a log line. */
export function secretsOf({ pass, token, jwt, sig }: Credentials): string[] {
  return [pass, token, jwt, sig].filter((secret) => secret !== '');
}
