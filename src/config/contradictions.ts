/**
 * Settings that are fine one by one and wrong together. Sees parsed values and says where each came from; reads
 * nothing.
 */
import { EMBEDDED_URL, type ListenAddress } from './name-formats.ts';
import type { Problems } from './problems.ts';
import type { Settings } from './schema.ts';

/** Tells where the value at a path came from. */
export type OriginOf = (path: string) => string;

/** Adds a problem for every pair of settings that contradict each other. */
export function checkContradictions(settings: Settings, originOf: OriginOf, problems: Problems): void {
  const add = (key: string, message: string) => problems.add(key, originOf(key), message);
  checkSizes(settings, originOf, add);
  if (settings.upstream.password !== '' && settings.upstream.username === '')
    add('upstream.password', 'is not used without upstream.username');
  checkListeners(settings, add);
  checkRules(settings, add);
  checkAuthentication(settings, add);
}

type Add = (key: string, message: string) => void;

/** Each must fit into the next, or a single message or client would exceed a bound that is meant for many. */
const ASCENDING = [
  ['max_payload', 'max_pending'],
  ['max_pending', 'max_total_pending'],
  ['max_payload', 'max_total_input'],
] as const;

function checkSizes(settings: Settings, originOf: OriginOf, add: Add): void {
  for (const [smaller, larger] of ASCENDING) {
    if (settings[smaller] <= settings[larger]) continue;
    const sizes = [`(${settings[smaller]} bytes)`, `(${settings[larger]} bytes)`];
    // Blame what somebody wrote, not what was there already.
    if (originOf(smaller) === 'default')
      add(larger, `${sizes[1]} must not be smaller than ${smaller} ${sizes[0]}`);
    else add(smaller, `${sizes[0]} must not be larger than ${larger} ${sizes[1]}`);
  }
}

function checkListeners({ listeners, upstream }: Settings, add: Add): void {
  if (listeners.length === 0) add('listeners', 'must have at least one entry');
  for (const [position, listener] of listeners.entries()) {
    const path = `listeners[${position}]`;
    const earlier = listeners.slice(0, position);
    const sameName = earlier.findIndex(({ name }) => name === listener.name);
    if (sameName >= 0) add(`${path}.name`, `= "${listener.name}" is also the name of listeners[${sameName}]`);
    const sameBind = earlier.findIndex(({ bind }) => overlap(bind, listener.bind));
    const { host, port } = listener.bind;
    const shown = `= "${host.includes(':') ? `[${host}]` : host}:${port}"`;
    if (sameBind >= 0) add(`${path}.bind`, `${shown} takes the same address as listeners[${sameBind}].bind`);
    if (upstream.url === EMBEDDED_URL && overlap(upstream.embedded_bind, listener.bind)) {
      add(`${path}.bind`, `${shown} takes the same address as upstream.embedded_bind`);
    }
    const { compression, path: urlPath, allowed_origins: origins } = listener.websocket;
    if (listener.type === 'tcp' && (compression || urlPath !== '' || origins.length > 0)) {
      add(`${path}.websocket`, 'is only for listeners of type "ws"');
    }
  }
}

/** Whether two addresses cannot be listened on at the same time. */
function overlap(a: ListenAddress, b: ListenAddress): boolean {
  if (a.port !== b.port || a.port === 0) return false;
  const isEvery = (host: string) => host === '0.0.0.0' || host === '::';
  const sameFamily = a.host.includes(':') === b.host.includes(':');
  return a.host === b.host || (sameFamily && (isEvery(a.host) || isEvery(b.host)));
}

function checkRules({ rules, upstream }: Settings, add: Add): void {
  for (const [position, rule] of rules.entries()) {
    const path = `rules[${position}]`;
    if (rule.qos === null && rule.retain === null && rule.message_expiry === null) {
      add(path, 'changes nothing; give it qos, retain or message_expiry');
    }
    if (rule.message_expiry !== null && upstream.protocol_version === 4) {
      add(`${path}.message_expiry`, 'needs MQTT 5, but upstream.protocol_version is 4');
    }
    const same = rules.findIndex(({ subject }) => subject === rule.subject);
    if (same < position)
      add(`${path}.subject`, `= "${rule.subject}" never matches: rules[${same}] comes first`);
  }
}

function checkAuthentication(settings: Settings, add: Add): void {
  for (const [position, entry] of settings.authentication.entries()) {
    const path = `authentication[${position}]`;
    if (entry.method === 'token' && entry.token === '') add(path, 'needs token or token_file');
    if (entry.method === 'built_in' && entry.users.length === 0 && entry.users_file === '')
      add(path, 'needs users or users_file');
  }
  const hasUsers = settings.authentication.some(({ method, enable }) => method === 'built_in' && enable);
  if (settings.no_auth_user !== '' && !hasUsers)
    add('no_auth_user', 'needs the method built_in in authentication');
  // Somebody who is not asked has no name.
  const isUsed = settings.authentication.some(({ enable }) => enable);
  const { client_info: info } = settings;
  const templates: [string, string | null][] = [
    ['client_info.client_id', info.client_id],
    ['client_info.username', info.username],
    ['client_info.password', info.password],
    ['mountpoint', settings.mountpoint],
    ...settings.listeners.map((one, i): [string, string | null] => [
      `listeners[${i}].mountpoint`,
      one.mountpoint,
    ]),
  ];
  for (const [path, template] of templates) {
    if (!isUsed && template?.includes('${identity.'))
      add(path, 'has ${identity.…}, which needs an entry in authentication');
  }
}
