/** Numbers, sizes and times as operators read them. Pure. */

/** For what is not known (yet). */
export const UNKNOWN = '–';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const oneDecimal = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const significant = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** `12,345`; from ten million on `12.3 M`. */
export function formatCount(count: number): string {
  if (count >= 1e10) return `${oneDecimal.format(count / 1e9)} G`;
  return count >= 1e7 ? `${oneDecimal.format(count / 1e6)} M` : whole.format(count);
}

/** Per second, without the unit: `0`, `0.5`, `87`, `12,345`. */
export function formatRate(rate: number | null): string {
  if (rate === null) return UNKNOWN;
  return rate > 0 && rate < 10 ? significant.format(Number(rate.toFixed(1))) : formatCount(Math.round(rate));
}

const SIZE_UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

/** 1 KB is 1,024 bytes, as in the settings. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) return UNKNOWN;
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < SIZE_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const text = unit === 0 || value >= 100 ? whole.format(value) : significant.format(value);
  return `${text} ${SIZE_UNITS[unit]}`;
}

/** `0.12 ms`, `4.5 ms`, `1.2 s`. */
export function formatLatency(ms: number | null): string {
  if (ms === null) return UNKNOWN;
  if (ms >= 1000) return `${significant.format(ms / 1000)} s`;
  return `${ms > 0 && ms < 0.1 ? ms.toFixed(2) : significant.format(ms)} ms`;
}

/** Two units at most: `12 s`, `4 min 10 s`, `3 h 20 min`, `12 d 4 h`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / SECOND_MS));
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return join(days, 'd', hours, 'h');
  if (hours > 0) return join(hours, 'h', minutes, 'min');
  return minutes > 0 ? join(minutes, 'min', seconds % 60, 's') : `${seconds} s`;
}

function join(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** How long ago: `now`, `12 s ago`, `3 h ago`. */
export function formatAgo(thenMs: number, nowMs: number): string {
  const ms = nowMs - thenMs;
  if (ms < 2 * SECOND_MS) return 'now';
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s ago`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min ago`;
  return ms < DAY_MS ? `${Math.floor(ms / HOUR_MS)} h ago` : `${Math.floor(ms / DAY_MS)} d ago`;
}

const pad = (value: number, digits = 2): string => String(value).padStart(digits, '0');

/** `14:03:07` local time, with milliseconds on demand. */
export function formatTime(atMs: number, withMilliseconds = false): string {
  const at = new Date(atMs);
  const text = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
  return withMilliseconds ? `${text}.${pad(at.getMilliseconds(), 3)}` : text;
}

/** `2026-11-26 14:03:07` local time. */
export function formatDateTime(atMs: number): string {
  const at = new Date(atMs);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${formatTime(atMs)}`;
}

/** `1 client`, `2 clients`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
