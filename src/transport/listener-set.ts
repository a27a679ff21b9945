/**
 * The listeners of a gateway, and how they become others while it runs: what is the same goes on, what has other
 * settings takes over the socket, what is new is opened before anything old is closed.
 */
import { GatewayError } from '../errors.ts';
import type { Logger } from '../util/logger.ts';
import type { PreparedChange } from '../util/prepared-change.ts';
import type { Listener, ListenerAddress } from './listener.ts';

/** What the set has to know of the settings of a listener. */
export interface ListenerPlan {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** The setting to change when this address is taken. */
  readonly bindKey: string;
  /** Two listeners that do the same at the same address have the same one. */
  readonly signature: string;
}

interface Place<P extends ListenerPlan> {
  readonly plan: P;
  readonly listener: Listener;
}

/** One step of a change. */
interface Step<P extends ListenerPlan> extends Place<P> {
  /** Whose socket it gets; null: it goes on as it is, or opens its own. */
  readonly former: Place<P> | null;
  readonly isKept: boolean;
}

/** What becomes of the listeners. */
export interface ListenerChange extends PreparedChange {
  /** Names of those that will be gone. */
  readonly removed: readonly string[];
}

/** See the head of this file. */
export class ListenerSet<P extends ListenerPlan> {
  readonly #build: (plan: P) => Listener;
  readonly #logger: Logger;
  #places: readonly Place<P>[] = [];

  /** @param build makes a listener that does not listen yet */
  constructor(build: (plan: P) => Listener, logger: Logger) {
    this.#build = build;
    this.#logger = logger;
  }

  /** In the order of the configuration; those that could not be started are among them. */
  get all(): readonly Listener[] {
    return this.#places.map(({ listener }) => listener);
  }

  get addresses(): ListenerAddress[] {
    return this.all.map(({ address }) => address);
  }

  /**
   * Starts them one after the other. To be called once.
   * @throws {GatewayError} `GW_LISTEN`, naming the setting of the address, and `GW_CONFIG` for certificates
   */
  async start(plans: readonly P[]): Promise<void> {
    this.#places = plans.map((plan) => ({ plan, listener: this.#build(plan) }));
    for (const place of this.#places) {
      await open(place);
      place.listener.begin();
    }
  }

  /** Stops accepting. */
  async close(): Promise<void> {
    await Promise.all(this.all.map((listener) => listener.close()));
  }

  /**
   * Opens what is new. Until the change is committed, clients that connect there wait.
   * @throws {GatewayError} as {@link ListenerSet.start}; everything is as before then
   */
  async prepare(plans: readonly P[]): Promise<ListenerChange> {
    const steps = this.#steps(plans);
    const fresh = steps.filter(({ isKept, former }) => !isKept && former === null);
    const following = steps.filter(({ former }) => former !== null);
    const staying = new Set([...steps, ...following.map(({ former }) => former)].map((one) => one?.listener));
    const ending = this.#places.filter(({ listener }) => !staying.has(listener));
    const closed: Place<P>[] = [];
    const abandon = () => this.#undo(closed, [...fresh, ...following]);
    try {
      for (const step of fresh) await openInPlaceOf(step, ending, closed);
    } catch (error) {
      await abandon();
      throw error;
    }
    const names = new Set(plans.map(({ name }) => name));
    return {
      removed: this.#places.map(({ plan }) => plan.name).filter((name) => !names.has(name)),
      abandon,
      commit: () => {
        for (const { listener, former } of following) if (former !== null) listener.follow(former.listener);
        for (const { listener } of fresh) listener.begin();
        for (const { listener } of ending) void listener.close();
        this.#places = steps;
      },
    };
  }

  /** @throws {GatewayError} `GW_CONFIG` when a certificate cannot be used */
  #steps(plans: readonly P[]): Step<P>[] {
    const same = (plan: P) => this.#places.find((place) => place.plan.signature === plan.signature);
    const kept = new Set(plans.map(same));
    const free = new Set(this.#places.filter((place) => !kept.has(place)));
    const steps: Step<P>[] = [];
    try {
      for (const plan of plans) {
        const place = same(plan);
        if (place !== undefined) {
          steps.push({ plan, listener: place.listener, former: null, isKept: true });
          continue;
        }
        const former = [...free].find((one) => isSameAddress(one.plan, plan)) ?? null;
        if (former !== null) free.delete(former);
        steps.push({ plan, listener: this.#build(plan), former, isKept: false });
      }
    } catch (error) {
      for (const { listener, isKept } of steps) if (!isKept) listener.release();
      throw error;
    }
    return steps;
  }

  async #undo(closed: readonly Place<P>[], unused: readonly Place<P>[]): Promise<void> {
    // Also those that do not listen: they may hold certificates.
    for (const { listener } of unused) listener.release()?.close();
    for (const { plan } of closed) await this.#reopen(plan);
  }

  async #reopen(plan: P): Promise<void> {
    try {
      const place = { plan, listener: this.#build(plan) };
      await open(place);
      place.listener.begin();
      this.#places = this.#places.map((one) => (one.plan === plan ? place : one));
    } catch (error) {
      const fields = { event: 'listener.lost', listener: plan.name, err: error };
      this.#logger.error(fields, 'a listener that had made room for another one could not be opened again');
    }
  }
}

/** Where the address is taken by one that ends, that one goes first. */
async function openInPlaceOf<P extends ListenerPlan>(
  step: Step<P>,
  ending: readonly Place<P>[],
  closed: Place<P>[],
): Promise<void> {
  for (const place of ending) {
    if (closed.includes(place) || !overlap(step.plan, place.listener.address)) continue;
    await place.listener.close();
    closed.push(place);
  }
  await open(step);
}

async function open<P extends ListenerPlan>({ plan, listener }: Place<P>): Promise<void> {
  try {
    await listener.open();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const flag = ['tcp', 'tls'].includes(listener.address.type) ? '-p' : '--set';
    throw new GatewayError(error.code, error.message, {
      cause: error,
      context: { ...error.context, key: plan.bindKey, flag },
    });
  }
}

/** "Any port" is the same one only under the same name. */
function isSameAddress(one: ListenerPlan, other: ListenerPlan): boolean {
  return one.host === other.host && one.port === other.port && (one.port !== 0 || one.name === other.name);
}

function overlap(one: ListenerPlan, other: ListenerAddress): boolean {
  if (one.port !== other.port) return false;
  const isEvery = (host: string) => host === '' || host === '0.0.0.0' || host === '::';
  return one.host === other.host || isEvery(one.host) || isEvery(other.host);
}
