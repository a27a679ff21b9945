/**
 * The MQTT sessions of a pair and which of them publishes, which subscribes: one or two, and where queue groups need
 * them some more. Opens each when it is first needed; knows nothing of what runs over them.
 */
import type { BrokerSession } from './broker-session.ts';
import type { MqttLink } from './mqtt-link.ts';

/** What roles need to know, and how they open sessions. */
export interface RoleOptions {
  /** @param position 0 for the first session, 1 for the second one, then those of queue groups */
  readonly open: (position: number) => BrokerSession;
  /** Whether one session may have both roles; asked when the second role is given. */
  readonly usesSingleSession: () => boolean;
}

/** Positions of sessions; see {@link RoleOptions.open}. */
const SECOND = 1;
/** The first session of a pair that only queue groups use. */
export const FIRST_GROUP = 2;

/** Sessions and roles of one pair. */
export class SessionRoles {
  #options: RoleOptions;
  #first: BrokerSession;
  #second: BrokerSession | null = null;
  #publisher: BrokerSession | null = null;
  #subscriber: BrokerSession | null = null;
  #groups: BrokerSession[] = [];

  constructor(options: RoleOptions) {
    this.#options = options;
    this.#first = options.open(0);
  }

  /** MQTT client id of the first session, for the log. */
  get clientId(): string {
    return this.#first.clientId;
  }

  get hasSubscriber(): boolean {
    return this.#subscriber !== null;
  }

  /** Link of the publishing session; null while it has none, or nothing has been published. */
  get publishLink(): MqttLink | null {
    return this.#publisher?.link ?? null;
  }

  get subscribeLink(): MqttLink | null {
    return this.#subscriber?.link ?? null;
  }

  /** Link of the session at this position among those of queue groups. */
  groupLink(position: number): MqttLink | null {
    return this.#groups[position]?.link ?? null;
  }

  /** Every session that has a role is connected. */
  get areUp(): boolean {
    return this.#publisher?.link !== null && this.#subscriber?.link !== null && this.#areGroupsUp;
  }

  /** Sessions that are connected. */
  get connected(): number {
    return this.#all().filter(({ link }) => link !== null).length;
  }

  /** Every session there is is connected, whatever its role. */
  get areConnected(): boolean {
    return this.#all().every(({ link }) => link !== null);
  }

  get isPublisherUp(): boolean {
    return this.#publisher?.link !== null;
  }

  /** One session never answers what another one asks. */
  get areSeparate(): boolean {
    return this.#publisher !== this.#subscriber;
  }

  isPublisher(session: BrokerSession): boolean {
    return session === this.#publisher;
  }

  isSubscriber(session: BrokerSession): boolean {
    return session === this.#subscriber;
  }

  /** @returns which of the sessions of queue groups it is; -1 for the others */
  groupPosition(session: BrokerSession): number {
    return this.#groups.indexOf(session);
  }

  /** Opens a session for queue groups; positions are used in turn. */
  openGroup(position: number): void {
    this.#groups[position] ??= this.#options.open(FIRST_GROUP + position);
  }

  /** Gives the role to a session, if none has it. */
  assignPublisher(): void {
    this.#publisher ??= this.#assign(this.#subscriber);
  }

  /** Gives the role to a session, if none has it. */
  assignSubscriber(): void {
    this.#subscriber ??= this.#assign(this.#publisher);
  }

  /** See {@link BrokerSession.hurry}. */
  hurry(spreadMs: number): void {
    for (const session of this.#all()) session.hurry(spreadMs);
  }

  /** Ends all sessions in order. */
  close(onClosed: () => void): void {
    const sessions = this.#all();
    let open = sessions.length;
    const onOneClosed = () => {
      open--;
      if (open === 0) onClosed();
    };
    for (const session of sessions) session.close(onOneClosed);
  }

  /** See {@link BrokerSession.cut}. */
  cut(): void {
    for (const session of this.#all()) session.cut();
  }

  /** The sessions of queue groups are not needed any more. */
  closeGroups(): void {
    const groups = this.#groups;
    this.#groups = [];
    for (const session of groups) session.close(() => {});
  }

  get #areGroupsUp(): boolean {
    return this.#groups.every(({ link }) => link !== null);
  }

  #all(): readonly BrokerSession[] {
    return [this.#first, ...(this.#second === null ? [] : [this.#second]), ...this.#groups];
  }

  #assign(other: BrokerSession | null): BrokerSession {
    if (other === null) return this.#first;
    const { open, usesSingleSession } = this.#options;
    if (this.#second === null && usesSingleSession()) return other;
    this.#second ??= open(SECOND);
    return this.#second;
  }
}
