/**
 * How the raw client recognises what it expects. Pure: bytes in, a count out. Patterns see the bytes as Latin-1.
 */

const SHOWN_CHARACTERS = 2_000;

/** More bytes are needed. */
const INCOMPLETE = -1;
/** No further bytes can make it match. */
export const IMPOSSIBLE = -2;

/** Says how many of the unread bytes to consume; negative: none yet, or {@link IMPOSSIBLE}. */
export type Matcher = (bytes: Buffer) => number;

/** These bytes and no others. */
export function exactly(text: string): Matcher {
  const expected = Buffer.from(text);
  return (bytes) => {
    const length = Math.min(bytes.length, expected.length);
    if (!bytes.subarray(0, length).equals(expected.subarray(0, length))) return IMPOSSIBLE;
    return bytes.length >= expected.length ? expected.length : INCOMPLETE;
  };
}

/** The pattern, beginning at the first unread byte. */
export function atStart(pattern: RegExp): Matcher {
  const sticky = new RegExp(pattern.source, `${pattern.flags.replace(/[gy]/g, '')}y`);
  return (bytes) => {
    sticky.lastIndex = 0;
    return sticky.exec(bytes.toString('latin1'))?.[0].length ?? INCOMPLETE;
  };
}

/** Everything up to and with the first occurrence of the text. */
export function upTo(text: string): Matcher {
  const mark = Buffer.from(text);
  let searchedTo = 0;
  return (bytes) => {
    const at = bytes.indexOf(mark, searchedTo);
    searchedTo = Math.max(0, bytes.length - mark.length);
    return at < 0 ? INCOMPLETE : at + mark.length;
  };
}

/** Everything up to and with the first match of the pattern. */
export function upToMatch(pattern: RegExp): Matcher {
  const plain = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
  return (bytes) => {
    const match = plain.exec(bytes.toString('latin1'));
    return match === null ? INCOMPLETE : match.index + match[0].length;
  };
}

/** The expectation as it stands in error messages. */
export function shown(expected: string | RegExp): string {
  return typeof expected === 'string'
    ? JSON.stringify(expected.slice(0, SHOWN_CHARACTERS))
    : String(expected);
}
