/** What one client may do: its permissions applied to its names. Clients without permissions have none of this. */
import type { Canonical, PermissionCheck } from '../auth/permission-check.ts';
import type { Permissions } from '../auth/permissions.ts';
import { ResponseGrants } from '../auth/response-grants.ts';
import { type DeviceReply, decodeMrBytes } from '../translation/reply-to.ts';
import type { NameMapper } from '../translation/subject-topic.ts';
import type { Clock } from '../util/clock.ts';

const NO_QUEUE = Buffer.alloc(0);

/** See the head of the file. */
export class ClientPermissions {
  readonly #check: PermissionCheck;
  readonly #grants: ResponseGrants | null;
  readonly #mapper: NameMapper;
  readonly #canonicalName: Canonical;
  readonly #canonicalFilter: Canonical;

  constructor(check: PermissionCheck, mapper: NameMapper, clock: Clock) {
    this.#check = check;
    this.#mapper = mapper;
    this.#grants = check.allowResponses === null ? null : new ResponseGrants(check.allowResponses, clock);
    this.#canonicalName = (subject) => {
      const topic = mapper.publishTopic(subject);
      return topic.ok ? this.#subjectOf(topic.name) : null;
    };
    this.#canonicalFilter = (subject) => {
      const filter = mapper.subscribeFilter(subject);
      const seen = filter.ok ? mapper.filterSubject(filter.name) : filter;
      return seen.ok ? seen.name : null;
    };
  }

  /** What they are made of. */
  get permissions(): Permissions {
    return this.#check.permissions;
  }

  /**
   * Whether a PUB to `line[start, end)` is allowed; uses a grant up where it takes one.
   * @param device what the subject says where it is that of a device's answer: then it is the device's topic that counts
   */
  mayPublish(line: Buffer, start: number, end: number, device: DeviceReply | null): boolean {
    if (device !== null) {
      if (this.#grants?.take(line, start, end) === true) return true;
      return this.#check.mayPublishOnce(Buffer.from(device.topicSubject), this.#canonicalName);
    }
    if (this.#check.mayPublish(line, start, end, this.#canonicalName)) return true;
    return this.#grants?.take(line, start, end) === true;
  }

  /**
   * Whether somebody may be asked to answer to `line[start, end)`: the client could read there, or write there itself, or has
   * been asked to. Otherwise it could make others publish what it may not.
   */
  mayReplyTo(line: Buffer, start: number, end: number): boolean {
    if (this.#grants?.has(line, start, end) === true) return true;
    const device = decodeMrBytes(line, start, end);
    return this.#isReachable(device === null ? line.subarray(start, end) : Buffer.from(device.topicSubject));
  }

  /** As {@link ClientPermissions.mayReplyTo}, for a topic as the broker sees it. */
  mayReplyToTopic(topic: string): boolean {
    const subject = this.#subjectOf(topic);
    return subject !== null && this.#isReachable(Buffer.from(subject));
  }

  /** @param queue empty for none */
  maySubscribe(subject: Buffer, queue: Buffer): boolean {
    return this.#check.maySubscribe(subject, queue, this.#canonicalFilter);
  }

  /** Whether deliveries to an allowed subscription have to be looked at one by one. */
  hasDenialsWithin(subject: Buffer): boolean {
    return this.#check.hasDenialsWithin(subject, this.#canonicalFilter);
  }

  mayReceive(subject: Buffer, queue: Buffer): boolean {
    return this.#check.mayReceive(subject, queue);
  }

  /** A message with this reply subject has been delivered. */
  noteReply(reply: Buffer): void {
    this.#grants?.grant(reply);
  }

  #isReachable(subject: Buffer): boolean {
    const check = this.#check;
    return (
      check.maySubscribe(subject, NO_QUEUE, this.#canonicalFilter) ||
      check.mayPublishOnce(subject, this.#canonicalName)
    );
  }

  #subjectOf(topic: string): string | null {
    const subject = this.#mapper.deliveredSubject(topic);
    return subject.ok ? subject.name : null;
  }
}
