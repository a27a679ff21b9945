/** Where a value comes from, as operators read it. Pure. */
import type { SettingView } from '../api-types.ts';

const ENVIRONMENT = 'environment variable ';
const FLAG = 'flag ';

/** @param origin as the loader of the configuration writes it */
export function sourceOf(origin: string): Pick<SettingView, 'source' | 'origin'> {
  if (origin === 'default') return { source: 'default', origin };
  if (origin.startsWith(ENVIRONMENT))
    return { source: 'environment', origin: origin.slice(ENVIRONMENT.length) };
  if (origin.startsWith(FLAG)) return { source: 'flag', origin: origin.slice(FLAG.length) };
  return { source: 'file', origin };
}

/** What makes a change of the file useless, such as `the environment variable NATSMQTT_WORKERS`; null: nothing. */
export function lockOf(origin: string): string | null {
  const { source } = sourceOf(origin);
  return source === 'environment' || source === 'flag' ? `the ${origin}` : null;
}
