/**
 * Says whether a part that was stopped left sockets, timers or the like behind in this process.
 */
import { waitFor } from './wait-for.ts';

/** Kinds that come and go with the test runner, the file system and name lookups, not with our code. */
const NOT_OURS = new Set([
  'FSReqCallback',
  'FSReqPromise',
  'PipeWrap',
  'TTYWrap',
  'GetAddrInfoReqWrap',
  'Immediate',
]);

type Counts = ReadonlyMap<string, number>;

function counts(): Counts {
  const result = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    if (!NOT_OURS.has(kind)) result.set(kind, (result.get(kind) ?? 0) + 1);
  }
  return result;
}

function surplus(before: Counts, after: Counts): string[] {
  const result: string[] = [];
  for (const [kind, count] of after) {
    const more = count - (before.get(kind) ?? 0);
    if (more > 0) result.push(`${more} ${kind}`);
  }
  return result;
}

/**
 * Remembers what keeps this process alive now.
 * @returns a check that waits up to `limitMs` until nothing more is left than there was, else throws naming it.
 *   Unref'd timers do not count, and neither does what a child process holds.
 */
export function watchLeaks(): (limitMs?: number) => Promise<void> {
  const before = counts();
  return async (limitMs = 3_000) => {
    let left: string[] = [];
    try {
      await waitFor(
        () => {
          left = surplus(before, counts());
          return left.length === 0;
        },
        limitMs,
        'sockets and timers to be gone',
      );
    } catch (error) {
      throw new Error(`left behind after ${limitMs} ms: ${left.join(', ')}`, { cause: error });
    }
  };
}
