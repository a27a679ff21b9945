/** Times of day in which a user may be connected, in a time zone. Must not know tokens. */

/** Both as `HH:MM:SS`; an end before the start is on the next day. */
export interface TimeRange {
  readonly start: string;
  readonly end: string;
}

const DAY_S = 86_400;

/**
 * How long the ranges go on from now.
 * @param location name such as `Europe/Berlin`; empty is the time zone of the process
 * @returns milliseconds, Infinity without ranges, null when now is in none of them
 * @throws {RangeError} for an unknown time zone
 */
export function remainingMs(ranges: readonly TimeRange[], location: string, nowMs: number): number | null {
  if (ranges.length === 0) return Number.POSITIVE_INFINITY;
  const format = timeOfDayFormat(location);
  const now = secondOfDay(format, nowMs);
  let longest: number | null = null;
  for (const range of ranges) {
    const [start, end] = [parseTimeOfDay(range.start), parseTimeOfDay(range.end)];
    if (start === null || end === null || !isInside(now, start, end)) continue;
    longest = Math.max(longest ?? 0, untilMs(format, nowMs, now, end));
  }
  return longest;
}

/** Whether the name of a time zone is known; the empty one is. */
export function isTimeZone(location: string): boolean {
  try {
    timeOfDayFormat(location);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Seconds since midnight, or null for anything but a time of day. */
export function parseTimeOfDay(text: string): number | null {
  const match = /^(\d{1,2}):(\d\d):(\d\d)$/.exec(text);
  if (match === null) return null;
  const [hours, minutes, seconds] = [Number(match[1]), Number(match[2]), Number(match[3])];
  return hours < 24 && minutes < 60 && seconds < 60 ? hours * 3600 + minutes * 60 + seconds : null;
}

function isInside(now: number, start: number, end: number): boolean {
  return start <= end ? start <= now && now < end : now >= start || now < end;
}

/** Where the clocks are changed in between, the end is as far away as the clock on the wall says. */
function untilMs(format: Intl.DateTimeFormat, nowMs: number, now: number, end: number): number {
  const plainMs = ((end - now + DAY_S) % DAY_S) * 1000 - (nowMs % 1000);
  const shown = secondOfDay(format, nowMs + plainMs);
  const early = (((end - shown) % DAY_S) + DAY_S) % DAY_S;
  return plainMs + (early > DAY_S / 2 ? early - DAY_S : early) * 1000;
}

function timeOfDayFormat(location: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-GB', {
    ...(location !== '' && { timeZone: location }),
    hourCycle: 'h23',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
}

function secondOfDay(format: Intl.DateTimeFormat, ms: number): number {
  return parseTimeOfDay(format.format(ms)) ?? 0;
}
