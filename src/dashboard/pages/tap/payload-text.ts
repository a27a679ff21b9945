/** Payloads for people: text where it is text, else bytes. Pure. */

/** Control characters other than tab and line ends make it no text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/;

/** What is shown of a payload. */
export interface PayloadText {
  readonly text: string;
  readonly isText: boolean;
  readonly bytes: number;
}

/** @param base64 the beginning of a payload, which may end within a character */
export function payloadText(base64: string): PayloadText {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const text = textOf(bytes);
  return text !== null && !CONTROL.test(text)
    ? { text, isText: true, bytes: bytes.length }
    : { text: hexOf(bytes), isText: false, bytes: bytes.length };
}

/** Null when it is no UTF-8. A character that is cut off at the end is left out. */
function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
  } catch {
    return null;
  }
}

/** 16 bytes per line. */
function hexOf(bytes: Uint8Array): string {
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, '0'));
  const lines: string[] = [];
  for (let i = 0; i < digits.length; i += 16) lines.push(digits.slice(i, i + 16).join(' '));
  return lines.join('\n');
}
