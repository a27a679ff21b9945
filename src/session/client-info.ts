/**
 * Who a NATS client is towards the broker: fills the `client_info` and mountpoint templates from its CONNECT and
 * its address.
 */
import { randomInt } from 'node:crypto';
import type { Identity } from '../auth/authenticator.ts';
import { GatewayError } from '../errors.ts';
import { isTooLong, stringFault } from '../mqtt/topic.ts';
import { CONNECT_TEXT_FIELDS } from '../nats/connect-options.ts';
import type { ConnectOptions } from '../nats/operations.ts';
import { mountpointValue } from '../translation/subject-topic.ts';
import { placeholders, renderTemplate } from '../util/template.ts';
import type { PeerInfo, UpstreamIdentity } from './ports.ts';

/** Templates of the MQTT CONNECT identity. */
export interface ClientInfoTemplates {
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
}

const CLIENT_ID_CHARACTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const CLIENT_ID_LENGTH = 21;

/** Where values of templates come from. */
export interface TemplateSource {
  readonly connect: ConnectOptions;
  readonly peer: PeerInfo;
  readonly identity: Identity | null;
}

/** Whether two clients of one listener may get different results. */
export function isPerClient(template: string): boolean {
  return placeholders(template).some((name) => name !== 'listener');
}

/** An unguessable client id of 21 characters of [0-9A-Za-z]. */
function generateClientId(): string {
  let id = '';
  for (let i = 0; i < CLIENT_ID_LENGTH; i++)
    id += CLIENT_ID_CHARACTERS[randomInt(CLIENT_ID_CHARACTERS.length)];
  return id;
}

/**
 * The MQTT identity of a client.
 * @throws {GatewayError} `GW_AUTHORIZATION` when a value is missing or cannot be sent in an MQTT string
 */
export function renderIdentity(templates: ClientInfoTemplates, source: TemplateSource): UpstreamIdentity {
  const render = (template: string): string => {
    const rendered = renderTemplate(template, (name) => value(name, source));
    if (rendered !== null) return rendered;
    throw new GatewayError('GW_AUTHORIZATION', 'an attribute that client_info names is missing');
  };
  const clientId = source.identity?.clientId || render(templates.clientId) || generateClientId();
  const username = render(templates.username);
  const password = render(templates.password);
  for (const text of [clientId, username, password]) {
    if (stringFault(text) !== null || isTooLong(text)) {
      throw new GatewayError(
        'GW_AUTHORIZATION',
        'the client id or credentials cannot be sent in an MQTT string',
      );
    }
  }
  return {
    clientId,
    username: username === '' ? undefined : username,
    password: password === '' ? undefined : password,
  };
}

/**
 * The topic prefix of a client; substituted values cannot leave their level.
 * @throws {GatewayError} `GW_AUTHORIZATION` when a value is missing or cannot stand in a topic
 */
export function renderMountpoint(template: string, source: TemplateSource): string {
  const rendered = renderTemplate(template, (name) => mountpointValue(value(name, source) ?? ''));
  if (rendered === null)
    throw new GatewayError('GW_AUTHORIZATION', 'a value of the mountpoint is missing or unusable');
  return rendered;
}

function value(name: string, { connect, peer, identity }: TemplateSource): string | null {
  if (name === 'generated') return generateClientId();
  if (name === 'peer.address') return peer.remoteAddress;
  if (name === 'listener') return peer.listener;
  const certificate = peer.tls?.session?.certificate ?? null;
  if (name === 'tls.common_name') return certificate?.commonName ?? null;
  if (name === 'tls.subject') return certificate?.subject ?? null;
  const [group, field] = name.split('.');
  if (group === 'identity' && field !== undefined) return identityValue(identity, field);
  if (group !== 'connect' && group !== 'Packet') return null;
  const known = CONNECT_TEXT_FIELDS.find((one) => one === field);
  return known === undefined ? null : connect[known];
}

function identityValue(identity: Identity | null, field: string): string | null {
  if (identity === null) return null;
  if (field === 'name') return identity.name;
  return Object.hasOwn(identity.attributes, field) ? (identity.attributes[field] ?? null) : null;
}
