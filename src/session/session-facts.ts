/** What operators may see of a session. Reads only. */
import type { ClientState, PermissionsView, SubscriptionView } from '../control/client-view.ts';
import { matches } from '../nats/subject.ts';
import { ownAccount } from './account.ts';
import type { Activity } from './activity.ts';
import type { SessionContext } from './context.ts';
import type { Keepalive } from './keepalive.ts';
import type { SessionView } from './ports.ts';
import type { Subscription } from './subscriptions.ts';

/** What a session keeps outside its context. */
export interface FactSources {
  readonly keepalive: Pick<Keepalive, 'rttMs'>;
  readonly activity: Activity;
  readonly state: () => ClientState;
}

/** What the client has sent that counts as activity; NaN where nobody counts. */
export function sentBy({ options, stats, subscriptions }: SessionContext): number {
  return options.countsPerClient ? stats.inMessages + subscriptions.changes : Number.NaN;
}

/** See the head of the file. */
export class SessionFacts implements SessionView {
  readonly #context: SessionContext;
  readonly #sources: FactSources;

  constructor(context: SessionContext, sources: FactSources) {
    this.#context = context;
    this.#sources = sources;
  }

  get state(): ClientState {
    return this.#sources.state();
  }

  get inMessages(): number {
    return this.#context.stats.inMessages;
  }

  get outMessages(): number {
    return this.#context.stats.outMessages;
  }

  get inBytes(): number {
    return this.#context.stats.inBytes;
  }

  get outBytes(): number {
    return this.#context.stats.outBytes;
  }

  get subscriptions(): number {
    return this.#context.subscriptions.size;
  }

  get rttMs(): number | null {
    return this.#sources.keepalive.rttMs;
  }

  get lastActivityMs(): number {
    return this.#sources.activity.lastMs(sentBy(this.#context));
  }

  get name(): string {
    return this.#context.connect.name;
  }

  get lang(): string {
    return this.#context.connect.lang;
  }

  get version(): string {
    return this.#context.connect.version;
  }

  get user(): string {
    const { identity, connect } = this.#context;
    return identity?.name ?? connect.user;
  }

  get method(): string {
    return this.#context.identity?.method ?? '';
  }

  get account(): string {
    return ownAccount(this.#context);
  }

  get mqttClientId(): string {
    return this.#context.mqttClientId;
  }

  get mountpoint(): string {
    return this.#context.names.mapper.mountpoint;
  }

  get expiresMs(): number | null {
    return this.#context.identity?.expiresAtMs ?? null;
  }

  get permissions(): PermissionsView | null {
    const permissions = this.#context.permissions?.permissions;
    if (permissions === undefined) return null;
    const { publish, subscribe } = permissions;
    return {
      publish: { allow: publish.allow, deny: publish.deny },
      subscribe: { allow: subscribe.allow, deny: subscribe.deny },
    };
  }

  subscriptionList(): SubscriptionView[] {
    const { cid } = this.#context.client.peer;
    return this.#context.subscriptions.all().map((one) => viewOf(cid, one));
  }

  isSubscribedTo(subject: Buffer): boolean {
    for (const one of this.#context.subscriptions.values())
      if (one.subject.equals(subject) || matches(one.subject, subject, 0, subject.length)) return true;
    return false;
  }
}

function viewOf(cid: number, { subject, queue, sid, delivered, max }: Subscription): SubscriptionView {
  const [subjectText, queueText, sidText] = [subject, queue, sid].map((bytes) => bytes.toString());
  return {
    cid,
    subject: subjectText ?? '',
    queue: queueText ?? '',
    sid: sidText ?? '',
    messages: delivered,
    max,
  };
}
