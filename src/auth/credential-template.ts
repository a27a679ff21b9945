/**
 * Templates over what a client has shown, for requests to backends. Each value is encoded for the place it goes to: none can
 * add a parameter, a path segment, a header or a field. Pure.
 */
import { placeholders, renderTemplate } from '../util/template.ts';
import type { Credentials } from './authenticator.ts';

/** Names of variables with EMQX's other names for them. */
const VARIABLES: Readonly<Record<string, (shown: Credentials) => string>> = {
  'connect.user': ({ user }) => user,
  'connect.pass': ({ pass }) => pass,
  'connect.auth_token': ({ token }) => token,
  'connect.jwt': ({ jwt }) => jwt,
  'connect.nkey': ({ nkey }) => nkey,
  'connect.name': ({ clientName }) => clientName,
  'peer.address': ({ remoteAddress }) => remoteAddress,
  listener: ({ listener }) => listener,
  'tls.common_name': ({ certificate }) => certificate?.commonName ?? '',
  'tls.subject': ({ certificate }) => certificate?.subject ?? '',
  username: ({ user }) => user,
  password: ({ pass }) => pass,
  clientid: ({ clientName }) => clientName,
  peerhost: ({ remoteAddress }) => remoteAddress,
  cert_common_name: ({ certificate }) => certificate?.commonName ?? '',
  cert_subject: ({ certificate }) => certificate?.subject ?? '',
};

/** `${Packet.user}` is `${connect.user}`, as EMQX's gateways write it. */
function resolverOf(name: string): ((shown: Credentials) => string) | undefined {
  const known = name.replace(/^Packet\./, 'connect.');
  return Object.hasOwn(VARIABLES, known) ? VARIABLES[known] : undefined;
}

/** Whether templates may hold it. */
export function isCredentialVariable(name: string): boolean {
  return resolverOf(name) !== undefined;
}

/** What a variable stands for: empty when the client has not shown it, or there is no such variable. */
export function credentialValue(name: string, shown: Credentials): string {
  return resolverOf(name)?.(shown) ?? '';
}

/** The first variable of a template that does not exist, or null. */
export function unknownVariable(template: string): string | null {
  return placeholders(template).find((name) => !isCredentialVariable(name)) ?? null;
}

/** Names that templates may hold. */
export const CREDENTIAL_VARIABLES: readonly string[] = Object.keys(VARIABLES);

/** Fills a template in. @param encode makes a value harmless where the text goes */
export function renderCredentials(
  template: string,
  shown: Credentials,
  encode: (value: string) => string,
): string {
  return renderTemplate(template, (name) => encode(credentialValue(name, shown))) ?? '';
}
