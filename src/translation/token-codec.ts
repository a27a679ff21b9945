/**
 * What a mapping profile is made of: one rule between a token of a subject and a level of a topic.
 * Separators, wildcards, `$` and mountpoints are the mapper's business, not the codec's.
 */
import type { Refusal } from './mapped.ts';

/**
 * Text rule of one profile. Inputs are free of control characters; tokens are never empty and hold no `.`,
 * levels hold no `/`, `+` or `#`. Where both directions accept, they are inverse to each other.
 */
export interface TokenCodec {
  tokenToLevel(token: string): string | Refusal;
  levelToToken(level: string): string | Refusal;
  /** Name of a queue group (never empty; `.` is an ordinary character) to the share name of `$share/<name>/…`. */
  groupToShareName(group: string): string | Refusal;
  /** The inverse, for display. */
  shareNameToGroup(shareName: string): string | Refusal;
}
