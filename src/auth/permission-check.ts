/**
 * Permissions as they are asked: compiled once, answers remembered by the bytes of the subject. A name is judged both as it was
 * written and as the broker will see it, so that no second spelling gets past a rule.
 */
import { randomInt } from 'node:crypto';
import { isSubset, matches, overlaps } from '../nats/subject.ts';
import { ByteCache } from '../util/byte-cache.ts';
import type { Permissions, ResponsePermission, SubjectRules } from './permissions.ts';

/** The one spelling of a name; null when the name cannot cross at all. */
export type Canonical = (subject: string) => string | null;

/** Names in use per set of permissions, and a bound on what probing costs. */
const CACHE_LIMITS = { maxEntries: 1024, maxBytes: 256 * 1024, hashSeed: randomInt(2 ** 16, 2 ** 31) };

interface Entry {
  readonly subject: Buffer;
  /** Pattern of queue groups; null: the entry is for subscriptions without, and for all groups. */
  readonly queue: Buffer | null;
}

interface Rules {
  readonly allow: readonly Entry[];
  readonly deny: readonly Entry[];
}

const NO_QUEUE = Buffer.alloc(0);

/** One set of permissions. Shared by all clients that have it. */
export class PermissionCheck {
  readonly permissions: Permissions;
  readonly allowResponses: ResponsePermission | null;
  readonly #publish: Rules;
  readonly #subscribe: Rules;
  /** Without a list of subjects everything may be published, unless answers are all there is to it. */
  readonly #isPublishOpen: boolean;
  readonly #published = new ByteCache<boolean>(CACHE_LIMITS);
  readonly #received = new ByteCache<boolean>(CACHE_LIMITS);
  readonly #hasQueueDenials: boolean;

  constructor(permissions: Permissions) {
    this.permissions = permissions;
    this.allowResponses = permissions.allowResponses;
    this.#publish = compile(permissions.publish);
    this.#subscribe = compile(permissions.subscribe);
    this.#isPublishOpen = permissions.allowResponses === null && this.#publish.allow.length === 0;
    this.#hasQueueDenials = this.#subscribe.deny.some(({ queue }) => queue !== null);
  }

  /** Whether a PUB to `line[start, end)` is allowed. */
  mayPublish(line: Buffer, start: number, end: number, canonical: Canonical): boolean {
    const known = this.#published.get(line, start, end);
    if (known !== undefined) return known;
    const answer = this.mayPublishOnce(line.subarray(start, end), canonical);
    this.#published.set(line, start, end, answer);
    return answer;
  }

  /** As {@link PermissionCheck.mayPublish}, for names that will hardly come again: nothing is remembered. */
  mayPublishOnce(subject: Buffer, canonical: Canonical): boolean {
    return this.#mayPublishAs(subject) && eachSpelling(subject, canonical, (one) => this.#mayPublishAs(one));
  }

  /** Whether a SUB is allowed. @param queue empty for none */
  maySubscribe(subject: Buffer, queue: Buffer, canonical: Canonical): boolean {
    const isAllowed = (one: Buffer) => this.#maySubscribeAs(one, queue);
    return isAllowed(subject) && eachSpelling(subject, canonical, isAllowed);
  }

  /** Whether some of what an allowed subscription asks for is denied, so that its deliveries have to be looked at. */
  hasDenialsWithin(subject: Buffer, canonical: Canonical): boolean {
    const isTouched = (one: Buffer) => this.#subscribe.deny.some((entry) => overlaps(entry.subject, one));
    return isTouched(subject) || !eachSpelling(subject, canonical, (one) => !isTouched(one));
  }

  /** Whether a message may be delivered to an allowed subscription. @param subject as it is delivered */
  mayReceive(subject: Buffer, queue: Buffer): boolean {
    if (queue.length > 0 && this.#hasQueueDenials) return this.#mayReceiveAs(subject, queue);
    const known = this.#received.get(subject, 0, subject.length);
    if (known !== undefined) return known;
    const answer = this.#mayReceiveAs(subject, NO_QUEUE);
    this.#received.set(subject, 0, subject.length, answer);
    return answer;
  }

  #mayPublishAs(subject: Buffer): boolean {
    const isMatch = (entry: Entry) => matches(entry.subject, subject, 0, subject.length);
    return (this.#isPublishOpen || this.#publish.allow.some(isMatch)) && !this.#publish.deny.some(isMatch);
  }

  #maySubscribeAs(subject: Buffer, queue: Buffer): boolean {
    const { allow, deny } = this.#subscribe;
    // The wildcards of the subscription count as text here, as in nats-server: that refuses more than a subset test.
    const isDenied = deny.some((entry) => {
      return isForQueue(entry, queue) && matches(entry.subject, subject, 0, subject.length);
    });
    if (isDenied) return false;
    if (allow.length === 0) return true;
    // nats-server lets `SUB foo.>` pass where `foo.*` is allowed; here every subject asked for has to be.
    const covering = allow.filter((entry) => isSubset(subject, entry.subject));
    const withQueue = covering.filter((entry) => entry.queue !== null);
    // Where the list names groups, others are not meant.
    if (queue.length > 0 && withQueue.length > 0) return withQueue.some((entry) => isForQueue(entry, queue));
    return covering.some((entry) => entry.queue === null);
  }

  #mayReceiveAs(subject: Buffer, queue: Buffer): boolean {
    return !this.#subscribe.deny.some((entry) => {
      return isForQueue(entry, queue) && matches(entry.subject, subject, 0, subject.length);
    });
  }
}

/** An entry without a queue is for everybody. */
function isForQueue({ queue: pattern }: Entry, queue: Buffer): boolean {
  if (pattern === null) return true;
  return queue.length > 0 && matches(pattern, queue, 0, queue.length);
}

/** Whether the canonical spelling passes too; where there is none, the name goes nowhere. */
function eachSpelling(subject: Buffer, canonical: Canonical, passes: (subject: Buffer) => boolean): boolean {
  const other = canonical(subject.toString('utf8'));
  if (other === null) return true;
  const bytes = Buffer.from(other);
  return bytes.equals(subject) || passes(bytes);
}

function compile({ allow, deny }: SubjectRules): Rules {
  return { allow: allow.map(toEntry), deny: deny.map(toEntry) };
}

function toEntry(text: string): Entry {
  const [subject = '', queue] = text.split(' ');
  return { subject: Buffer.from(subject), queue: queue === undefined ? null : Buffer.from(queue) };
}

/** The compiled form of sets of permissions, for as long as anybody has them. */
export class PermissionChecks {
  readonly #known = new WeakMap<Permissions, PermissionCheck>();

  of(permissions: Permissions): PermissionCheck {
    const known = this.#known.get(permissions);
    if (known !== undefined) return known;
    const fresh = new PermissionCheck(permissions);
    this.#known.set(permissions, fresh);
    return fresh;
  }
}
