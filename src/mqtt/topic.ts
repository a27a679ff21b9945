/**
 * The grammar of MQTT topic names and topic filters, and how they match.
 * Knows nothing of NATS, of mountpoints, or of what a broker makes of a name.
 */

/** Longest UTF-8 string MQTT can carry. @see MQTT 5.0 §1.5.4 */
export const MAX_STRING_BYTES = 65_535;

/** Level limit when nothing is configured: the smallest default of the brokers that have none of their own. */
export const DEFAULT_MAX_LEVELS = 128;

/** What is wrong with a topic name or filter. */
export type TopicFault =
  | 'empty'
  | 'invalid_utf8'
  | 'control_character'
  | 'wildcard'
  | 'too_long'
  | 'too_many_levels';

/** Unpaired surrogates: such a string has no UTF-8 form. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** U+0000–001F, U+007F–009F and the non-characters of all planes. */
const FORBIDDEN_CHARACTER = /[\p{Cc}\p{Noncharacter_Code_Point}]/u;

/**
 * Whether brokers accept this text in a topic, a property or a client id. Brokers that check at all close the
 * whole connection over one such character, so it must never be sent.
 * @see MQTT 5.0 [MQTT-1.5.4-1], [MQTT-1.5.4-2], and the "SHOULD NOT include" list of §1.5.4
 */
export function stringFault(text: string): 'invalid_utf8' | 'control_character' | null {
  if (isPrintableAscii(text)) return null;
  if (LONE_SURROGATE.test(text)) return 'invalid_utf8';
  return FORBIDDEN_CHARACTER.test(text) ? 'control_character' : null;
}

/** Saves the two regular expressions for nearly every name and header value there is. */
function isPrintableAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}

/** Whether `text` needs more than this many bytes; counts only where the answer is open. */
export function isTooLong(text: string, maxBytes: number = MAX_STRING_BYTES): boolean {
  if (text.length > maxBytes) return true;
  return text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes;
}

/**
 * First fault of a topic name, or null.
 * @see MQTT 5.0 [MQTT-3.3.2-2] (no wildcards), [MQTT-4.7.3-1] (not empty), [MQTT-4.7.3-3] (length)
 */
export function topicNameFault(
  topic: string,
  maxLevels: number = DEFAULT_MAX_LEVELS,
  maxBytes: number = MAX_STRING_BYTES,
): TopicFault | null {
  if (topic.includes('+') || topic.includes('#')) return 'wildcard';
  return commonFault(topic, maxLevels, maxBytes);
}

/**
 * First fault of a topic filter, or null. `wildcard` means a misplaced one.
 * @see MQTT 5.0 [MQTT-4.7.1-1] (`#` alone in the last level), [MQTT-4.7.1-2] (`+` alone in its level)
 */
export function topicFilterFault(
  filter: string,
  maxLevels: number = DEFAULT_MAX_LEVELS,
  maxBytes: number = MAX_STRING_BYTES,
): TopicFault | null {
  for (let i = 0; i < filter.length; i++) {
    const char = filter[i];
    if (char !== '+' && char !== '#') continue;
    const isWholeLevel =
      (i === 0 || filter[i - 1] === '/') && (i + 1 === filter.length || filter[i + 1] === '/');
    if (!isWholeLevel || (char === '#' && i + 1 !== filter.length)) return 'wildcard';
  }
  return commonFault(filter, maxLevels, maxBytes);
}

/** What stands before the share name of a shared filter. */
const SHARE_PREFIX = '$share/';

/** A topic filter as SUBSCRIBE has it: with its share name, if it is a shared one. */
export function wireFilter(shareName: string | null, filter: string): string {
  return shareName === null ? filter : `${SHARE_PREFIX}${shareName}/${filter}`;
}

/**
 * Takes `$share/<name>/<filter>` apart; a plain filter has the name null.
 * @returns null for what begins like a shared filter and is none: some brokers end the session over it
 * @see MQTT 5.0 [MQTT-4.8.2-1], [MQTT-4.8.2-2]
 */
export function splitShared(wire: string): { shareName: string | null; filter: string } | null {
  if (firstLevel(wire) !== '$share') return { shareName: null, filter: wire };
  const end = wire.indexOf('/', SHARE_PREFIX.length);
  const shareName = wire.slice(SHARE_PREFIX.length, end);
  const filter = wire.slice(end + 1);
  const isShared = end > SHARE_PREFIX.length && !/[+#]/.test(shareName);
  return isShared && filter !== '' && firstLevel(filter) !== '$share' ? { shareName, filter } : null;
}

/** First fault of a filter as SUBSCRIBE has it: brokers count levels and bytes of the whole. */
export function wireFilterFault(wire: string, maxLevels: number): TopicFault | null {
  if (isTooLong(wire)) return 'too_long';
  return countLevels(wire) > maxLevels ? 'too_many_levels' : null;
}

function commonFault(text: string, maxLevels: number, maxBytes: number): TopicFault | null {
  if (text === '') return 'empty';
  if (isTooLong(text, maxBytes)) return 'too_long';
  if (countLevels(text) > maxLevels) return 'too_many_levels';
  return stringFault(text);
}

/** Number of levels: `a` has 1, `/` has 2. */
export function countLevels(text: string): number {
  let levels = 1;
  for (let at = text.indexOf('/'); at !== -1; at = text.indexOf('/', at + 1)) levels++;
  return levels;
}

/** The text in front of the first `/`. */
export function firstLevel(text: string): string {
  const slash = text.indexOf('/');
  return slash === -1 ? text : text.slice(0, slash);
}

/**
 * Whether a valid filter (without `$share`) matches a topic name. Splits nothing: it runs per message and filter.
 * @see MQTT 5.0 [MQTT-4.7.2-1] (a leading wildcard matches no topic beginning with `$`), §4.7.1.2 (`a/#` matches `a`)
 */
export function filterMatches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && (filter.startsWith('+') || filter.startsWith('#'))) return false;
  let f = 0;
  let t = 0;
  for (;;) {
    if (filter.charCodeAt(f) === HASH) return true;
    const filterEnd = levelEnd(filter, f);
    const topicEnd = levelEnd(topic, t);
    if (!levelMatches(filter, f, filterEnd, topic, t, topicEnd)) return false;
    if (topicEnd === topic.length) return filterEnd === filter.length || filter.slice(filterEnd) === '/#';
    if (filterEnd === filter.length) return false;
    f = filterEnd + 1;
    t = topicEnd + 1;
  }
}

/** {@link filterMatches}, but `a/#` does not match its parent `a`. */
export function filterMatchesBelow(filter: string, topic: string): boolean {
  if (!filterMatches(filter, topic)) return false;
  return !filter.endsWith('/#') || countLevels(topic) >= countLevels(filter);
}

const HASH = 0x23;
const PLUS = 0x2b;

function levelEnd(text: string, start: number): number {
  const slash = text.indexOf('/', start);
  return slash === -1 ? text.length : slash;
}

function levelMatches(
  filter: string,
  f: number,
  filterEnd: number,
  topic: string,
  t: number,
  topicEnd: number,
) {
  if (filterEnd === f + 1 && filter.charCodeAt(f) === PLUS) return true;
  if (filterEnd - f !== topicEnd - t) return false;
  for (let i = f, j = t; i < filterEnd; i++, j++) {
    if (filter.charCodeAt(i) !== topic.charCodeAt(j)) return false;
  }
  return true;
}
