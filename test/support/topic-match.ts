/**
 * MQTT topic matching for the test tree, written apart from the program's own so that one can contradict the other.
 */

/**
 * MQTT 5.0 §4.7: whether a topic name matches a filter (without `$share`).
 * Wildcards in the first level do not match a leading `$` [MQTT-4.7.2-1].
 */
export function isTopicMatch(filter: string, topic: string): boolean {
  const pattern = filter.split('/');
  const levels = topic.split('/');
  if (topic.startsWith('$') && (pattern[0] === '+' || pattern[0] === '#')) return false;
  for (const [index, level] of pattern.entries()) {
    if (level === '#') return true;
    if (index >= levels.length || (level !== '+' && level !== levels[index])) return false;
  }
  return pattern.length === levels.length;
}

/** Parts of a `$share/<name>/<filter>` filter; `name` is null for a plain one. */
export interface FilterParts {
  readonly name: string | null;
  readonly filter: string;
}

/** @returns null when a filter that begins with `$share/` has no name or no filter, or the name has a wildcard */
export function splitShare(text: string): FilterParts | null {
  if (!text.startsWith('$share/')) return { name: null, filter: text };
  const end = text.indexOf('/', 7);
  if (end < 0) return null;
  const name = text.slice(7, end);
  const filter = text.slice(end + 1);
  return name === '' || filter === '' || /[+#]/.test(name) ? null : { name, filter };
}

/** Whether the wildcards of a filter stand where they may [MQTT-4.7.1-1], [MQTT-4.7.1-2]. */
export function isFilter(text: string): boolean {
  if (text === '' || hasForbiddenCharacter(text)) return false;
  const levels = text.split('/');
  return levels.every((level, index) => {
    if (level === '+') return true;
    if (level === '#') return index === levels.length - 1;
    return !/[+#]/.test(level);
  });
}

/** Whether a text is a topic name that strict brokers take. */
export function isTopicName(text: string): boolean {
  return text !== '' && !/[+#]/.test(text) && !hasForbiddenCharacter(text);
}

/** The characters for which strict brokers close the connection, in topics as in properties. */
export function hasForbiddenCharacter(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
  return /[\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]/.test(text);
}
