/**
 * Who a NATS client is towards the broker: fills the `client_info` and mountpoint templates from its CONNECT and
 * its address.
 */
import { randomInt } from 'node:crypto';
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
 * @throws {GatewayError} `GW_AUTHORIZATION` when a value cannot be sent in an MQTT string
 */
export function renderIdentity(
  templates: ClientInfoTemplates,
  connect: ConnectOptions,
  peer: PeerInfo,
): UpstreamIdentity {
  const render = (template: string) => renderTemplate(template, (name) => value(name, connect, peer)) ?? '';
  const clientId = render(templates.clientId) || generateClientId();
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
export function renderMountpoint(template: string, connect: ConnectOptions, peer: PeerInfo): string {
  const rendered = renderTemplate(template, (name) => mountpointValue(value(name, connect, peer) ?? ''));
  if (rendered === null)
    throw new GatewayError('GW_AUTHORIZATION', 'a value of the mountpoint is missing or unusable');
  return rendered;
}

function value(name: string, connect: ConnectOptions, peer: PeerInfo): string | null {
  if (name === 'generated') return generateClientId();
  if (name === 'peer.address') return peer.remoteAddress;
  if (name === 'listener') return peer.listener;
  const certificate = peer.tls?.session?.certificate ?? null;
  if (name === 'tls.common_name') return certificate?.commonName ?? null;
  if (name === 'tls.subject') return certificate?.subject ?? null;
  const [group, field] = name.split('.');
  if (group !== 'connect' && group !== 'Packet') return null;
  const known = CONNECT_TEXT_FIELDS.find((one) => one === field);
  return known === undefined ? null : connect[known];
}
