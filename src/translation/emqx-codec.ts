/**
 * The `emqx` profile: tokens and levels are the same text, as in the NATS gateway of EMQX.
 * Strict where that gateway is not: text that would mean something else on the other side is refused.
 */
import { refuse } from './mapped.ts';
import type { TokenCodec } from './token-codec.ts';

/** @see docs/names.md */
export const emqxCodec: TokenCodec = {
  tokenToLevel: refuseLevelCharacters,
  levelToToken(level) {
    if (level === '') return refuse('unmappable_token', 'an empty level has no token in this profile');
    if (/[ .]/.test(level)) {
      return refuse('unmappable_token', 'a level with a dot or a blank has no token in this profile');
    }
    return level;
  },
  groupToShareName: refuseLevelCharacters,
  shareNameToGroup(shareName) {
    return shareName.includes(' ')
      ? refuse('unmappable_token', 'a queue group cannot hold a blank')
      : shareName;
  },
};

function refuseLevelCharacters(token: string) {
  return /[/+#]/.test(token)
    ? refuse('unmappable_token', 'a token with "/", "+" or "#" has no level in this profile')
    : token;
}
