/** What authentication methods may use besides their own settings. Types only. */
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { PasswordHashes } from './password-hash.ts';

/** Shared by all methods of a gateway. */
export interface AuthServices {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Milliseconds since 1970, for `exp` and the like. */
  readonly wallClock: () => number;
  readonly passwords: PasswordHashes;
  /** Of access lists that speak of topics: the subjects that a topic filter stands for; null when there are none. */
  readonly subjectsOfFilter: (filter: string) => readonly string[] | null;
}
