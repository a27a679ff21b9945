/**
 * The one or two MQTT sessions of a pair and which of them publishes, which subscribes. Opens the second one when
 * it is first needed; knows nothing of what runs over them.
 */
import type { BrokerSession } from './broker-session.ts';
import type { MqttLink } from './mqtt-link.ts';

/** What roles need to know, and how they open sessions. */
export interface RoleOptions {
  readonly open: (isSecond: boolean) => BrokerSession;
  /** Whether one session may have both roles; asked when the second role is given. */
  readonly usesSingleSession: () => boolean;
}

/** Sessions and roles of one pair. */
export class SessionRoles {
  #options: RoleOptions;
  #first: BrokerSession;
  #second: BrokerSession | null = null;
  #publisher: BrokerSession | null = null;
  #subscriber: BrokerSession | null = null;

  constructor(options: RoleOptions) {
    this.#options = options;
    this.#first = options.open(false);
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

  /** Every session that has a role is connected. */
  get areUp(): boolean {
    return this.#publisher?.link !== null && this.#subscriber?.link !== null;
  }

  /** Sessions that are connected. */
  get connected(): number {
    return (this.#first.link === null ? 0 : 1) + (this.#second?.link ? 1 : 0);
  }

  /** Every session there is is connected, whatever its role. */
  get areConnected(): boolean {
    return this.#first.link !== null && (this.#second === null || this.#second.link !== null);
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
    this.#first.hurry(spreadMs);
    this.#second?.hurry(spreadMs);
  }

  /** Ends all sessions in order. */
  close(onClosed: () => void): void {
    const sessions = this.#second === null ? [this.#first] : [this.#first, this.#second];
    let open = sessions.length;
    const onOneClosed = () => {
      open--;
      if (open === 0) onClosed();
    };
    for (const session of sessions) session.close(onOneClosed);
  }

  /** See {@link BrokerSession.cut}. */
  cut(): void {
    this.#first.cut();
    this.#second?.cut();
  }

  #assign(other: BrokerSession | null): BrokerSession {
    if (other === null) return this.#first;
    const { open, usesSingleSession } = this.#options;
    if (this.#second === null && usesSingleSession()) return other;
    this.#second ??= open(true);
    return this.#second;
  }
}
