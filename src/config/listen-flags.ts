/**
 * The flags of nats-server that change a part of an address: address, port and TLS of "the" listener, which is the first
 * one that is not for WebSocket, and the port of the HTTP server. Reads nothing.
 */
import { checkSetting } from './check.ts';
import { isRecord, type KeyPath, valueAt } from './key-path.ts';
import { listenAddress } from './name-formats.ts';
import type { Problems } from './problems.ts';
import type { Setting } from './sources.ts';

/** What was given. */
export interface ListenFlags {
  readonly host?: string | undefined;
  readonly port?: string | undefined;
  /** Port of `http.bind`. */
  readonly httpPort?: string | undefined;
  /** Settings of `listeners[].tls`; even an empty object asks for TLS. */
  readonly tls?: Readonly<Record<string, unknown>> | undefined;
}

/** The settings so far. */
export interface SettingLayers {
  /** The value in effect, the default included. */
  value(path: KeyPath): unknown;
  set(setting: Setting, problems: Problems): void;
}

/** Puts the flags over the other settings. */
export function applyListen(flags: ListenFlags, layers: SettingLayers, problems: Problems): void {
  const { host, port, tls, httpPort } = flags;
  if (httpPort !== undefined) applyHttpPort(httpPort, layers, problems);
  if (host === undefined && port === undefined && tls === undefined) return;
  const listeners = layers.value(['listeners']);
  const entries: unknown[] = Array.isArray(listeners) ? listeners : [];
  const position = entries.findIndex((entry) => ['tcp', 'tls'].includes(typeOf(entry)));
  if (position < 0) {
    problems.add(
      '',
      `flag ${nameOf(flags)}`,
      'there is no listener of type "tcp" or "tls" that it could change',
    );
    return;
  }
  const give = (names: KeyPath, value: unknown, flag: string): void => {
    const setting = { path: ['listeners', position, ...names], value, origin: `flag ${flag}` };
    if (checkSetting(setting, problems)) layers.set(setting, problems);
  };
  if (host !== undefined || port !== undefined) {
    const current = listenAddress.parse(valueAt(entries, [position, 'bind']));
    give(
      ['bind'],
      joined(host ?? current.host, port ?? current.port),
      port === undefined ? '--addr' : '--port',
    );
  }
  if (tls === undefined) return;
  for (const [name, value] of Object.entries(tls)) give(['tls', name], value, '--tls');
  // A listener that leaves the choice to its clients goes on doing so.
  if (valueAt(entries, [position, 'tls', 'optional']) !== true) give(['type'], 'tls', '--tls');
}

/** Where there was no HTTP server, there is one for this machine only. */
function applyHttpPort(port: string, layers: SettingLayers, problems: Problems): void {
  const path = ['http', 'bind'];
  const current = layers.value(path);
  const host = typeof current === 'string' ? /^(.*):\d+$/s.exec(current)?.[1] : undefined;
  const setting = { path, value: `${host ?? '127.0.0.1'}:${port}`, origin: 'flag --http_port' };
  if (checkSetting(setting, problems)) layers.set(setting, problems);
}

function typeOf(entry: unknown): string {
  const type = isRecord(entry) ? (entry.type ?? 'tcp') : undefined;
  return typeof type === 'string' ? type : '';
}

function nameOf({ host, port }: ListenFlags): string {
  if (port !== undefined) return '--port';
  return host === undefined ? '--tls' : '--addr';
}

function joined(host: string, port: string | number): string {
  return `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
}
