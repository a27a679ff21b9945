/**
 * Bytes from the wire to text, without the replacement characters that would make two names one.
 */
import { isUtf8 } from 'node:buffer';

/**
 * The text of `bytes[start, end)`, or null when it is not valid UTF-8 (overlong forms and surrogates included).
 * A byte order mark is text and stays.
 */
export function decodeUtf8Strict(bytes: Buffer, start: number, end: number): string | null {
  for (let i = start; i < end; i++) {
    if ((bytes[i] ?? 0) > 0x7f) {
      return isUtf8(bytes.subarray(start, end)) ? bytes.toString('utf8', start, end) : null;
    }
  }
  return bytes.toString('latin1', start, end);
}
