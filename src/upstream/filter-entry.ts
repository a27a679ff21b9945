/**
 * One topic filter on one MQTT session and the subscribers behind it: reference counting, one change at a time,
 * identifiers, and who has had its retained messages. Sends nothing itself.
 */
import type { InboundPublication, QoS } from '../mqtt/publication.ts';
import { wireFilter } from '../mqtt/topic.ts';
import type { SubscribeRequest, Subscriber } from '../session/ports.ts';

/** Where a subscriber stands with regard to the broker. */
export type MemberState =
  /** Its SUBSCRIBE has not been acknowledged. */
  | 'waiting'
  | 'active'
  /** Its end was asked for; deliveries go on until the broker has confirmed. */
  | 'ending';

/** One subscriber behind a filter. Its state is changed by its entry. */
export class Member {
  readonly entry: FilterEntry;
  readonly subscriber: Subscriber;
  readonly qos: QoS;
  /** See {@link SubscribeRequest.scope}. */
  readonly scope: string;
  state: MemberState = 'waiting';
  /** Identifier under which it was subscribed: retained copies with this one are its own. */
  sinceIdentifier = -1;
  onEnded: (() => void) | null = null;

  constructor(entry: FilterEntry, { subscriber, qos, scope }: SubscribeRequest) {
    this.entry = entry;
    this.subscriber = subscriber;
    this.qos = qos;
    this.scope = scope;
  }

  /** It leaves its entry, and whoever waits for that is told. */
  finish(): void {
    this.entry.delete(this);
    const onEnded = this.onEnded;
    this.onEnded = null;
    onEnded?.();
  }
}

const NO_MEMBERS: readonly Member[] = [];
const NO_SCOPES: readonly string[] = [];

/** A filter with its members. Thousands may share one: nothing but a delivery to all looks at every member. */
export class FilterEntry {
  /** As sent to the broker, `$share/…` included. */
  readonly filter: string;
  /** The part that topics are matched against. */
  readonly topicFilter: string;
  /** Null for a plain subscription. */
  readonly shareName: string | null;
  /** Identifier of the newest SUBSCRIBE. */
  identifier = -1;
  /** Highest QoS the broker has been asked for; -1 while there is no subscription at the broker. */
  heldQoS: QoS | -1 = -1;
  /** A SUBSCRIBE, UNSUBSCRIBE or barrier for this filter is under way: the next change waits. */
  isChanging = false;
  /** Identifiers of earlier SUBSCRIBEs whose copies may still arrive; null until there is one. */
  formerIdentifiers: number[] | null = null;
  /** Without identifiers: retained copies that arrive now belong to the members that were first. */
  isFresh = false;
  #members = new Set<Member>();
  /** The same as a list, made for a delivery and not changed by what comes of it; null: to be made again. */
  #list: readonly Member[] | null = null;
  /** The subscriber of the only member, if there is one: of very many filters each step to it is a miss of the cache. */
  #only: Subscriber | null = null;
  #waiting: Set<Member> | null = null;
  #ending: Set<Member> | null = null;
  /** Members that want QoS 1 and are not ending. */
  #wantingQoS1 = 0;
  /** Of shared filters: the members by scope. The last scope stays although its members are gone. */
  #rosters: Map<string, Member[]> | null = null;
  #onScope: (entry: FilterEntry, scope: string, isHeld: boolean) => void;

  /** @param onScope of shared filters: somebody of this scope has come, or nobody of it is left */
  constructor(
    topicFilter: string,
    shareName: string | null,
    onScope: (entry: FilterEntry, scope: string, isHeld: boolean) => void = () => {},
  ) {
    this.#onScope = onScope;
    this.topicFilter = topicFilter;
    this.shareName = shareName;
    this.filter = wireFilter(shareName, topicFilter);
  }

  get size(): number {
    return this.#members.size;
  }

  /** Highest QoS any remaining member asks for. */
  get wantedQoS(): QoS {
    return this.#wantingQoS1 > 0 ? 1 : 0;
  }

  get waitingCount(): number {
    return this.#waiting?.size ?? 0;
  }

  get endingCount(): number {
    return this.#ending?.size ?? 0;
  }

  has(member: Member): boolean {
    return this.#members.has(member);
  }

  /** Adds a member in state `waiting`. */
  add(member: Member): void {
    this.#members.add(member);
    this.#onMembers();
    this.#count(member, 1);
    if (this.shareName !== null) this.#enroll(member);
  }

  delete(member: Member): boolean {
    if (!this.#members.delete(member)) return false;
    this.#onMembers();
    this.#count(member, -1);
    const roster = this.#rosters?.get(member.scope);
    if (roster === undefined) return true;
    removeFrom(roster, member);
    this.#strike(member.scope);
    return true;
  }

  /** The filter is given up. */
  dissolve(): void {
    for (const scope of this.#rosters?.keys() ?? []) this.#onScope(this, scope, false);
    this.#rosters = null;
  }

  setState(member: Member, state: MemberState): void {
    this.#count(member, -1);
    member.state = state;
    this.#count(member, 1);
  }

  waiting(): readonly Member[] {
    return this.#waiting === null ? NO_MEMBERS : [...this.#waiting];
  }

  ending(): readonly Member[] {
    return this.#ending === null ? NO_MEMBERS : [...this.#ending];
  }

  active(): readonly Member[] {
    return [...this.#members].filter((member) => member.state === 'active');
  }

  /** Of shared filters: the scopes of its members; without members, the scope of the last one. */
  scopes(): readonly string[] {
    return this.#rosters === null ? NO_SCOPES : [...this.#rosters.keys()];
  }

  hasScope(scope: string): boolean {
    return this.#rosters?.has(scope) ?? false;
  }

  /** Whether anybody of this scope may take a copy. */
  isManned(scope: string): boolean {
    return (this.#rosters?.get(scope)?.length ?? 0) > 0;
  }

  #onMembers(): void {
    this.#list = null;
    const [first] = this.#members;
    this.#only = this.#members.size === 1 && first !== undefined ? first.subscriber : null;
  }

  /** Plain filters: every member gets it, a retained copy only those subscribed under its identifier. */
  deliverToAll(message: InboundPublication, identifier: number | null): void {
    if (this.#only !== null && !message.retain) {
      this.#only.deliver(message);
      return;
    }
    // Who joins because of this delivery, as the next leader of a local group does, does not get it.
    this.#list ??= [...this.#members];
    for (const member of this.#list) {
      if (message.retain && !this.#isRetainedFor(member, identifier)) continue;
      member.subscriber.deliver(message);
    }
  }

  #isRetainedFor(member: Member, identifier: number | null): boolean {
    return identifier === null ? this.isFresh : member.sinceIdentifier === identifier;
  }

  /** Shared filters: one member of this scope gets it, starting at a random one. @returns false when none could take it */
  deliverToOne(message: InboundPublication, scope: string): boolean {
    const roster = this.#rosters?.get(scope) ?? NO_MEMBERS;
    const start = Math.floor(Math.random() * roster.length);
    // Who reaches its limit by this delivery leaves the roster, but then it has taken the copy.
    for (let i = 0; i < roster.length; i++) {
      if (roster[(start + i) % roster.length]?.subscriber.deliver(message)) return true;
    }
    return false;
  }

  #enroll(member: Member): void {
    this.#rosters ??= new Map();
    const roster = this.#rosters.get(member.scope);
    if (roster !== undefined) {
      roster.push(member);
      return;
    }
    const [former] = this.#rosters.keys();
    this.#rosters.set(member.scope, [member]);
    this.#onScope(this, member.scope, true);
    if (former !== undefined) this.#strike(former);
  }

  /** Forgets a scope without members. Copies for the last one may still come, and find others elsewhere. */
  #strike(scope: string): void {
    const rosters = this.#rosters;
    if (rosters === null || rosters.size === 1 || rosters.get(scope)?.length !== 0) return;
    rosters.delete(scope);
    this.#onScope(this, scope, false);
  }

  #count(member: Member, by: 1 | -1): void {
    if (member.state === 'waiting') this.#waiting = counted(this.#waiting, member, by);
    else if (member.state === 'ending') this.#ending = counted(this.#ending, member, by);
    if (member.qos === 1 && member.state !== 'ending') this.#wantingQoS1 += by;
  }
}

/** Most filters have one member that is active nearly always: an empty set is not kept. */
function counted(set: Set<Member> | null, member: Member, by: 1 | -1): Set<Member> | null {
  if (by === 1) return (set ?? new Set()).add(member);
  set?.delete(member);
  return set === null || set.size === 0 ? null : set;
}

/** The order does not matter: who gets a copy is chosen at random. */
function removeFrom(roster: Member[], member: Member): void {
  const at = roster.indexOf(member);
  const last = roster.pop();
  if (last !== undefined && at !== -1 && at < roster.length) roster[at] = last;
}
