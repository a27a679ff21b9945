/**
 * One topic filter on one MQTT session and the subscribers behind it: reference counting, one change at a time,
 * identifiers, and who has had its retained messages. Sends nothing itself.
 */
import type { InboundPublication, QoS } from '../mqtt/publication.ts';
import type { Subscriber } from '../session/ports.ts';

/** Where a subscriber stands with regard to the broker. */
export type MemberState =
  /** Its SUBSCRIBE has not been acknowledged. */
  | 'waiting'
  | 'active'
  /** Its end was asked for; deliveries go on until the broker has confirmed. */
  | 'ending';

/** One subscriber behind a filter. */
export class Member {
  readonly entry: FilterEntry;
  readonly subscriber: Subscriber;
  readonly qos: QoS;
  state: MemberState = 'waiting';
  /** Identifier under which it was subscribed: retained copies with this one are its own. */
  sinceIdentifier = -1;
  onEnded: (() => void) | null = null;

  constructor(entry: FilterEntry, subscriber: Subscriber, qos: QoS) {
    this.entry = entry;
    this.subscriber = subscriber;
    this.qos = qos;
  }
}

/** A filter with its members. */
export class FilterEntry {
  /** As sent to the broker, `$share/…` included. */
  readonly filter: string;
  /** The part that topics are matched against. */
  readonly topicFilter: string;
  /** Null for a plain subscription. */
  readonly shareName: string | null;
  /** Share name and filter: what makes two subscriptions one. */
  readonly key: string;
  readonly members = new Set<Member>();
  /** Identifier of the newest SUBSCRIBE. */
  identifier = -1;
  /** Highest QoS the broker has been asked for; -1 while there is no subscription at the broker. */
  heldQoS: QoS | -1 = -1;
  /** A SUBSCRIBE, UNSUBSCRIBE or barrier for this filter is under way: the next change waits. */
  isChanging = false;
  /** Identifiers of earlier SUBSCRIBEs whose copies may still arrive. */
  readonly formerIdentifiers: number[] = [];
  /** Without identifiers: retained copies that arrive now belong to the members that were first. */
  isFresh = false;

  constructor(topicFilter: string, shareName: string | null) {
    this.topicFilter = topicFilter;
    this.shareName = shareName;
    this.key = `${shareName ?? ''}\0${topicFilter}`;
    this.filter = shareName === null ? topicFilter : `$share/${shareName}/${topicFilter}`;
  }

  /** Highest QoS any remaining member asks for. */
  get wantedQoS(): QoS {
    for (const member of this.members) if (member.state !== 'ending' && member.qos === 1) return 1;
    return 0;
  }

  membersIn(state: MemberState): Member[] {
    return [...this.members].filter((member) => member.state === state);
  }

  /** Plain filters: every member gets it, a retained copy only those subscribed under its identifier. */
  deliverToAll(message: InboundPublication, identifier: number | null): void {
    for (const member of this.members) {
      if (message.retain && !this.#isRetainedFor(member, identifier)) continue;
      member.subscriber.deliver(message);
    }
  }

  #isRetainedFor(member: Member, identifier: number | null): boolean {
    return identifier === null ? this.isFresh : member.sinceIdentifier === identifier;
  }

  /** Shared filters: one member gets it, starting at a random one. @returns false when none could take it */
  deliverToOne(message: InboundPublication): boolean {
    const members = [...this.members];
    const start = Math.floor(Math.random() * members.length);
    for (let i = 0; i < members.length; i++) {
      const member = members[(start + i) % members.length];
      if (member?.subscriber.deliver(message)) return true;
    }
    return false;
  }
}
