/** Settings that every authentication method has. */
import { boolean, duration, integer } from '../formats.ts';
import { key, optional } from '../key.ts';

/** See the head of the file. */
export const COMMON_KEYS = {
  enable: key('`false` takes the method out of the chain.', boolean, true),
  timeout: optional(
    'How long a client waits for the answer of this method before it is refused; left out: `auth_timeout`.',
    duration({ min: '10ms', max: '60s' }),
  ),
  cache: key(
    'How long an acceptance is remembered, so that the method is not asked again; `"0s"`: not at all. A refusal is remembered for 2 s at most.',
    duration({ min: '0s', max: '1h' }),
    '0s',
  ),
  max_concurrent: key('How many clients the method is asked about at a time.', integer(1, 10_000), 32),
  max_waiting: key('How many clients may wait for their turn; more are refused.', integer(0, 100_000), 4096),
} as const;
