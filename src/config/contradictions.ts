/**
 * Settings that are fine one by one and wrong together. Sees parsed values and says where each came from; reads
 * nothing.
 */
import { checkHttp } from './http.ts';
import { EMBEDDED_URL, type ListenAddress } from './name-formats.ts';
import type { Problems } from './problems.ts';
import type { Settings } from './schema.ts';
import { checkListenerTls, checkUpstreamTls } from './tls.ts';

/** Tells where the value at a path came from. */
export type OriginOf = (path: string) => string;

/** Adds a problem for every pair of settings that contradict each other. */
export function checkContradictions(settings: Settings, originOf: OriginOf, problems: Problems): void {
  const add = (key: string, message: string) => problems.add(key, originOf(key), message);
  checkSizes(settings, originOf, add);
  checkLameDuck(settings, originOf, add);
  if (settings.upstream.password !== '' && settings.upstream.username === '')
    add('upstream.password', 'is not used without upstream.username');
  checkListeners(settings, add);
  checkRules(settings, add);
  const { url, tls } = settings.upstream;
  checkUpstreamTls(url, tls, (name, message) => add(`upstream.${name}`, message));
  checkAuthentication(settings, add);
  checkHttp(settings.http, isLoopback, (name, message) => add(`http.${name}`, message));
}

type Add = (key: string, message: string) => void;

/** Each must fit into the next, or a single message or client would exceed a bound that is meant for many. */
const ASCENDING = [
  ['max_payload', 'max_pending'],
  ['max_pending', 'max_total_pending'],
  ['max_payload', 'max_total_input'],
] as const;

/** The time during which clients are closed one by one is what the grace leaves of the duration. */
function checkLameDuck(settings: Settings, originOf: OriginOf, add: Add): void {
  const { lame_duck_grace_period: grace, lame_duck_duration: duration } = settings;
  if (grace <= duration) return;
  const [blamed, other] =
    originOf('lame_duck_grace_period') === 'default'
      ? ['lame_duck_duration', 'must not be shorter than lame_duck_grace_period']
      : ['lame_duck_grace_period', 'must not be longer than lame_duck_duration'];
  add(blamed, `${other} (${grace / 1000} s and ${duration / 1000} s)`);
}

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

/** Whoever connects acts under the gateway's own account at the broker: that has to be said out loud. */
const OPEN_RELAY =
  'can be reached from other machines, and upstream.mode "pooled" gives everyone who connects the rights of upstream.username; bind it to 127.0.0.1, use upstream.mode "per_client", give authentication a method, or give this listener authentication "off" if that is meant';

function checkListeners(settings: Settings, add: Add): void {
  const { authentication, listeners, upstream } = settings;
  if (listeners.length === 0) add('listeners', 'must have at least one entry');
  const isAsked = authentication.some(({ enable }) => enable);
  for (const [position, listener] of listeners.entries()) {
    const path = `listeners[${position}]`;
    const sameName = listeners.slice(0, position).findIndex(({ name }) => name === listener.name);
    if (sameName >= 0) add(`${path}.name`, `= "${listener.name}" is also the name of listeners[${sameName}]`);
    checkBind(settings, position, (message) => add(`${path}.bind`, message));
    const isOpen = !isAsked && !isLoopback(listener.bind.host) && listener.authentication !== 'off';
    if (upstream.mode === 'pooled' && isOpen) add(`${path}.bind`, `${shown(listener.bind)} ${OPEN_RELAY}`);
    checkWebSocket(listener, path, add);
    checkAccessRules(listener.access_rules, `${path}.access_rules`, add);
    if (listener.proxy_protocol !== listener.proxy_protocol_from.length > 0) {
      const words = listener.proxy_protocol
        ? 'needs the addresses of your load balancers: anyone else could claim to be anyone'
        : 'is only for listeners with proxy_protocol';
      add(`${path}.proxy_protocol_from`, words);
    }
    checkListenerTls(listener.type, listener.tls, (name, message) => add(`${path}.${name}`, message));
  }
}

function checkWebSocket({ type, websocket }: Settings['listeners'][number], path: string, add: Add): void {
  const { compression, path: urlPath, allowed_origins: origins, trusted_proxies: proxies } = websocket;
  const isWebSocket = type === 'ws' || type === 'wss';
  if (!isWebSocket && (compression || urlPath !== '' || origins.length + proxies.length > 0)) {
    add(`${path}.websocket`, 'is only for listeners of type "ws" or "wss"');
  }
}

/** Lists that cannot mean what they say. */
function checkAccessRules(rules: readonly string[], path: string, add: Add): void {
  if (rules.length > 0 && !rules.some((rule) => rule.startsWith('deny ')))
    add(path, 'deny nobody, so that everybody may connect; end them with "deny all"');
  const last = rules.findIndex((rule) => rule.endsWith(' all'));
  if (last >= 0 && last < rules.length - 1)
    add(`${path}[${last + 1}]`, `= "${rules[last + 1]}" never counts: "${rules[last]}" comes first`);
}

function checkBind(
  { listeners, upstream, http }: Settings,
  position: number,
  add: (message: string) => void,
): void {
  const bind = listeners[position]?.bind;
  if (bind === undefined) return;
  const same = listeners.slice(0, position).findIndex((other) => overlap(other.bind, bind));
  if (same >= 0) add(`${shown(bind)} takes the same address as listeners[${same}].bind`);
  if (upstream.url === EMBEDDED_URL && overlap(upstream.embedded_bind, bind)) {
    add(`${shown(bind)} takes the same address as upstream.embedded_bind`);
  }
  if (http.bind !== null && overlap(http.bind, bind))
    add(`${shown(bind)} takes the same address as http.bind`);
}

function shown({ host, port }: ListenAddress): string {
  return `= "${host.includes(':') ? `[${host}]` : host}:${port}"`;
}

/** Whether only programs of this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return /^(?:::ffff:)?127(?:\.\d{1,3}){3}$|^localhost$|^::1$/i.test(host);
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

function checkCompleteness(path: string, entry: Settings['authentication'][number], add: Add): void {
  if (entry.method === 'token' && entry.token === '') add(path, 'needs token or token_file');
  if (entry.method === 'built_in' && entry.users.length === 0 && entry.users_file === '')
    add(path, 'needs users or users_file');
  if (entry.method === 'nats_jwt' && entry.trusted_operators.length + entry.operator_files.length === 0)
    add(path, 'needs trusted_operators or operator_files');
}

function checkAuthentication(settings: Settings, add: Add): void {
  for (const [position, entry] of settings.authentication.entries()) {
    const path = `authentication[${position}]`;
    checkCompleteness(path, entry, add);
    checkDatabase(path, entry, add);
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

function checkDatabase(path: string, entry: Settings['authentication'][number], add: Add): void {
  if (entry.method === 'redis') {
    const { mode, servers, database } = entry;
    if (servers.length === 0) add(`${path}.servers`, 'must name at least one server');
    else if (mode === 'single' && servers.length > 1)
      add(`${path}.servers`, 'must name exactly one server; see mode');
    if (mode === 'cluster' && database !== 0) add(`${path}.database`, 'must be 0: a cluster has no other');
  }
  if (entry.method !== 'mysql' && entry.method !== 'postgresql' && entry.method !== 'redis') return;
  const { cert_file: cert, key_file: keyFile } = entry.tls;
  if ((cert === '') !== (keyFile === '')) add(`${path}.tls`, 'needs both cert_file and key_file, or none');
}
