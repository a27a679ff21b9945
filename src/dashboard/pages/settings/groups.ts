/** Which settings stand together. By their paths, so that new ones find their place by themselves. Pure. */
import type { SettingView } from '../../../admin/api-types.ts';

/** Settings under one heading. */
export interface SettingGroup {
  readonly id: string;
  readonly title: string;
  readonly settings: readonly SettingView[];
}

/** The first one that matches takes a setting. */
const GROUPS: readonly (readonly [id: string, title: string, paths: RegExp])[] = [
  ['listeners', 'Listeners', /^listeners$/],
  ['upstream', 'Broker', /^upstream\.(?!tls)/],
  ['upstream-tls', 'TLS to the broker', /^upstream\.tls/],
  ['client-info', 'MQTT identity of clients', /^client_info\./],
  ['names', 'Names', /^(mountpoint$|mapping\.)/],
  ['rules', 'Publications', /^(rules|control_headers)$/],
  ['access', 'Access', /^(no_auth_user|default_permissions|auth_)/],
  ['limits', 'Limits', /^max_/],
  ['times', 'Times', /(_timeout|_deadline|_interval|_period|_duration)$/],
  ['http', 'Monitoring and dashboard', /^(http|enable_stats)/],
  ['log', 'Log', /^log\./],
  ['process', 'Process', /^[^.]+$/],
];

/** The chain has a page of its own. */
const ELSEWHERE: ReadonlySet<string> = new Set(['authentication']);

/** @param search part of a name or of the text, in any letter case; empty shows all */
export function groupsOf(settings: readonly SettingView[], search: string): SettingGroup[] {
  const listed = settings.filter(({ path }) => !ELSEWHERE.has(path));
  const byWord = listed.filter((setting) => hasWord(setting, search));
  const found =
    byWord.length > 0
      ? byWord
      : listed.filter((setting) => textOf(setting).includes(search.trim().toLowerCase()));
  const ids = new Set([...GROUPS.map(([id]) => id), ...found.map(({ path }) => groupOf(path))]);
  return [...ids]
    .map((id) => ({ id, title: titleOf(id), settings: found.filter(({ path }) => groupOf(path) === id) }))
    .filter(({ settings: members }) => members.length > 0);
}

function textOf({ path, doc }: SettingView): string {
  return `${path} ${doc}`.toLowerCase();
}

/** Whether a word begins with it: `ping` is not meant to find `mapping`. */
function hasWord(setting: SettingView, search: string): boolean {
  const wanted = search.trim().toLowerCase();
  const text = textOf(setting);
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    if (at === 0 || !/[a-z0-9]/.test(text.charAt(at - 1))) return true;
  }
  return false;
}

function titleOf(group: string): string {
  return GROUPS.find(([id]) => id === group)?.[1] ?? group;
}

function groupOf(path: string): string {
  return GROUPS.find(([, , paths]) => paths.test(path))?.[0] ?? path.split('.', 1)[0] ?? path;
}
