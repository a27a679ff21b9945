/**
 * The `nats-server` profile: the rule by which nats-server's own MQTT listener names things, made strict.
 * An empty level is the token `/`, a dot inside a level is `//`; a `/` that is neither would be lost, so it is refused.
 */
import { refuse } from './mapped.ts';
import type { TokenCodec } from './token-codec.ts';

/** @see docs/names.md */
export const natsServerCodec: TokenCodec = {
  tokenToLevel(token) {
    if (/[+#]/.test(token)) return refuse('unmappable_token', 'a token with "+" or "#" has no level');
    if (token === '/') return '';
    if (!token.includes('/')) return token;
    const level = token.replaceAll('//', '.');
    return level.includes('/')
      ? refuse('unmappable_token', 'this profile reads "/" in a token in pairs only')
      : level;
  },
  levelToToken(level) {
    if (level === '') return '/';
    if (level.includes(' '))
      return refuse('unmappable_token', 'a level with a blank has no token in this profile');
    return level.replaceAll('.', '//');
  },
  groupToShareName(group) {
    return /[/+#]/.test(group)
      ? refuse('unmappable_token', 'a queue group with "/", "+" or "#" has no share name in this profile')
      : group;
  },
  shareNameToGroup(shareName) {
    return shareName.includes(' ')
      ? refuse('unmappable_token', 'a queue group cannot hold a blank')
      : shareName;
  },
};
