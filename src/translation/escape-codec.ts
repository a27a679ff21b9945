/**
 * The `escape` profile: a bijection between tokens and levels that leaves ordinary names alone.
 * A character that one side cannot hold becomes `%` and two hex digits on that side only; text that already looks
 * like such an escape moves up by one `25`. Letter case counts: `%2e` is plain text.
 */
import type { TokenCodec } from './token-codec.ts';

/** Escapes with any number of `25` moved in; no other `%` means anything. */
const ESCAPE = /%((?:25)*)(20|2E|2F|2B|23)/g;

const ONLY_PERCENT = /^%+$/;

/** Escapes that stand for a character on the NATS side (a token cannot hold it). */
const TOKEN_ESCAPES: Readonly<Record<string, string>> = { '20': ' ', '2E': '.' };

/** Escapes that stand for a character on the MQTT side (a level cannot hold it). */
const LEVEL_ESCAPES: Readonly<Record<string, string>> = { '2F': '/', '2B': '+', '23': '#' };

/** The group rules keep `.`, so that `%2E` is plain text there and cannot collide with it. */
const GROUP_ESCAPES: Readonly<Record<string, string>> = { '20': ' ' };

type Escapes = Readonly<Record<string, string>>;

/** `own` escapes turn into characters or move down; `other` ones move up, and their characters get escaped. */
function cross(text: string, own: Escapes, other: Escapes, otherCharacters: RegExp): string {
  const unescaped = text.includes('%')
    ? text.replace(ESCAPE, (whole, shifts: string, hex: string) => {
        const character = own[hex];
        if (character !== undefined) return shifts === '' ? character : `%${shifts.slice(2)}${hex}`;
        return other[hex] === undefined ? whole : `%25${shifts}${hex}`;
      })
    : text;
  return escapeCharacters(unescaped, otherCharacters);
}

/** Runs after the escapes were moved: what it adds must not be moved again. */
function escapeCharacters(text: string, characters: RegExp): string {
  return text.replace(characters, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

const LEVEL_CHARACTERS = /[/+#]/g;
const TOKEN_CHARACTERS = /[ .]/g;
const GROUP_CHARACTERS = / /g;

/** @see docs/names.md: the rules and examples in the words of an operator */
export const escapeCodec: TokenCodec = {
  tokenToLevel(token) {
    if (ONLY_PERCENT.test(token)) return token.slice(1);
    return cross(token, TOKEN_ESCAPES, LEVEL_ESCAPES, LEVEL_CHARACTERS);
  },
  levelToToken(level) {
    if (level === '' || ONLY_PERCENT.test(level)) return `%${level}`;
    return cross(level, LEVEL_ESCAPES, TOKEN_ESCAPES, TOKEN_CHARACTERS);
  },
  groupToShareName(group) {
    return cross(group, GROUP_ESCAPES, LEVEL_ESCAPES, LEVEL_CHARACTERS);
  },
  shareNameToGroup(shareName) {
    return cross(shareName, LEVEL_ESCAPES, GROUP_ESCAPES, GROUP_CHARACTERS);
  },
};

/**
 * Any text as level text: only what a level cannot hold is escaped, so different texts give different levels.
 * For values that are put into a mountpoint template.
 */
export function escapeForLevel(text: string): string {
  return cross(text, {}, LEVEL_ESCAPES, LEVEL_CHARACTERS);
}
