/** Topic filters of access lists as subjects. Pure. */
import type { NameMapper } from './subject-topic.ts';

/**
 * The subjects whose topics a filter matches.
 * @returns null when there are none: no client can reach such topics
 */
export function filterSubjects(mapper: NameMapper, filter: string): string[] | null {
  const subject = mapper.filterSubject(filter);
  if (!subject.ok) return null;
  if (!filter.endsWith('/#')) return [subject.name];
  // `a/#` matches `a` too, while `a.>` does not.
  const parent = mapper.filterSubject(filter.slice(0, -'/#'.length));
  return parent.ok ? [parent.name, subject.name] : [subject.name];
}
