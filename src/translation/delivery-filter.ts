/**
 * Where MQTT matches more than NATS: `a/#` also matches `a`, while `a.>` wants at least one more token.
 */
import { countLevels, filterMatches } from '../mqtt/topic.ts';

const SLASH = 0x2f;

/**
 * Number of `/` in topics that a filter matches but its subject does not; -1 when there are none.
 * @param filter topic filter without `$share`, worked out once per subscription
 */
export function parentSlashes(filter: string): number {
  return filter.endsWith('/#') ? countLevels(filter) - 2 : -1;
}

/** Whether a topic that `filter` matches is only the parent of what its subject asks for: do not deliver it. */
export function isParentOnly(filter: string, topic: string): boolean {
  return parentSlashes(filter) === countLevels(topic) - 1;
}

/**
 * {@link isParentOnly} on the bytes of a topic.
 * @param slashes result of {@link parentSlashes}
 */
export function isParentOnlyBytes(slashes: number, topic: Buffer, start: number, end: number): boolean {
  if (slashes === -1) return false;
  let left = slashes;
  for (let i = start; i < end; i++) {
    if (topic[i] === SLASH && --left < 0) return false;
  }
  return left === 0;
}

/** Whether a NATS subscription that was mapped to `filter` takes a topic; for brokers that send no identifiers. */
export function subjectFilterAccepts(filter: string, topic: string): boolean {
  return filterMatches(filter, topic) && !isParentOnly(filter, topic);
}
