/** The clients of one process, as operators ask for them. Changes nothing but by `kick`. */
import { clientFilter, pageOfClients } from '../control/client-pages.ts';
import type {
  ClientDetail,
  ClientPage,
  ClientQuery,
  ClientView,
  SubscriptionPage,
  SubscriptionQuery,
  SubscriptionView,
} from '../control/client-view.ts';
import { matches } from '../nats/subject.ts';
import { LiveClientView, plainClient } from '../transport/client-views.ts';
import type { Connection } from '../transport/connection.ts';
import type { ConnectionRegistry } from '../transport/connection-registry.ts';

/** Clients looked at in one turn of the event loop where each takes more than a glance. */
const LOOKED_AT_PER_TURN = 4_096;

/** See the head of the file. */
export class ClientDirectory {
  readonly #registry: ConnectionRegistry<Connection>;

  constructor(registry: ConnectionRegistry<Connection>) {
    this.#registry = registry;
  }

  /** See `GatewayControl.clients`. */
  async page(query: ClientQuery): Promise<ClientPage> {
    const found = await this.#found(query);
    const page = pageOfClients(found, query, Date.now());
    return { total: found.length, clients: page.map((view) => this.#detail(view, query.withDetails)) };
  }

  /** See `GatewayControl.subscriptions`. */
  async subscriptions({ subject, offset, limit }: SubscriptionQuery): Promise<SubscriptionPage> {
    const wanted = subject === undefined ? null : Buffer.from(subject);
    const subscriptions: SubscriptionView[] = [];
    let total = 0;
    for await (const connections of this.#parts(true))
      for (const { sessionView } of connections) {
        // Of those that are not on the page only the number is needed.
        const isPassedOver =
          wanted === null && (total + sessionView.subscriptions <= offset || total >= offset + limit);
        const list = isPassedOver ? [] : sessionView.subscriptionList();
        const found = wanted === null ? list : list.filter((one) => reaches(one, wanted));
        subscriptions.push(...found.slice(Math.max(0, offset - total), Math.max(0, offset + limit - total)));
        total += isPassedOver ? sessionView.subscriptions : found.length;
      }
    return { total, subscriptions };
  }

  /** See `GatewayControl.kick`. */
  kick(who: { readonly cid: number } | { readonly user: string }): number {
    const found =
      'cid' in who
        ? [this.#registry.get(who.cid)].filter((one) => one !== undefined)
        : [...this.#registry.live()].filter(({ sessionView }) => sessionView.user === who.user);
    for (const connection of found) connection.close('Kicked');
    return found.length;
  }

  async #found(query: ClientQuery): Promise<ClientView[]> {
    const { state, subject } = query;
    const isWanted = clientFilter(query);
    const found = state === 'closed' ? [] : await this.#foundLive(query, isWanted);
    // What somebody who is gone had subscribed to is not remembered.
    if (state === 'open' || subject !== undefined) return found;
    const closed = this.#registry.closed().filter(isWanted);
    return [...found, ...closed].sort((a, b) => a.cid - b.cid);
  }

  async #foundLive(
    { cid, search = '', subject }: ClientQuery,
    isWanted: (client: ClientView) => boolean,
  ): Promise<ClientView[]> {
    if (cid !== undefined && this.#registry.get(cid) === undefined) return [];
    const wanted = subject === undefined ? null : Buffer.from(subject);
    const found: ClientView[] = [];
    for await (const connections of this.#parts(wanted !== null || search !== ''))
      for (const connection of connections) {
        const view = new LiveClientView(connection);
        if (isWanted(view) && (wanted === null || connection.sessionView.isSubscribedTo(wanted)))
          found.push(view);
      }
    return found;
  }

  /** All connections; where each takes more than a glance, in parts with pauses in which others have their turn. */
  async *#parts(takesLong: boolean): AsyncGenerator<readonly Connection[]> {
    const all = [...this.#registry.live()];
    const size = takesLong ? LOOKED_AT_PER_TURN : Math.max(1, all.length);
    for (let start = 0; start < all.length; start += size) {
      if (start > 0) await nextTurn();
      yield all.slice(start, start + size);
    }
  }

  #detail(view: ClientView, withDetails: boolean): ClientDetail {
    const session = withDetails ? this.#registry.get(view.cid)?.sessionView : undefined;
    return {
      ...plainClient(view),
      subscriptionList: session?.subscriptionList() ?? [],
      permissions: session?.permissions ?? null,
    };
  }
}

/** A queue group gets the message, too: one of its members. */
function reaches({ subject }: SubscriptionView, wanted: Buffer): boolean {
  return matches(Buffer.from(subject), wanted, 0, wanted.length);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
