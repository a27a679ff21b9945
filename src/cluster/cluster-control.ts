/**
 * What operators see of a gateway of several processes, and tell it to do: asks the workers, and puts together what they
 * answer. A worker that does not answer in time is left out, which the log says.
 */
import type { Config } from '../config/config.ts';
import { pageOfClients, workerOf } from '../control/client-pages.ts';
import type { ClientPage, ClientQuery, SubscriptionPage, SubscriptionQuery } from '../control/client-view.ts';
import type { AskedControl } from '../control/delegated-control.ts';
import type {
  CertificateView,
  GatewayControl,
  GatewayIdentity,
  ListenerView,
  Readiness,
  UpstreamView,
} from '../control/gateway-control.ts';
import { type Phase, unready } from '../control/readiness.ts';
import type { TapHandle, TapMessage, TapRequest } from '../control/tap.ts';
import { sumOf } from '../metrics/counters.ts';
import { SERVER_VERSION } from '../session/server-info.ts';
import type { Clock } from '../util/clock.ts';
import { type Logger, RepeatLimiter } from '../util/logger.ts';
import { programVersion } from '../util/program-version.ts';
import type { ClusterTaps } from './cluster-taps.ts';
import type { ControlKind, ControlQuestion, ControlQuestions } from './control-question.ts';

/** A worker that may be asked. */
export interface AskedWorker {
  readonly worker: number;
  readonly isReady: boolean;
  /** @returns null when there is no answer in time */
  askControl<K extends ControlKind>(
    question: ControlQuestion<K>,
  ): Promise<ControlQuestions[K]['answer'] | null>;
}

/** What {@link ClusterControl} is made of. */
export interface ClusterControlParts {
  readonly serverId: string;
  readonly workers: readonly AskedWorker[];
  readonly taps: ClusterTaps;
  readonly clock: Clock;
  readonly logger: Logger;
  /** As of now. */
  readonly now: () => { readonly config: Config; readonly phase: Phase };
}

/** See the head of the file. */
export class ClusterControl implements AskedControl {
  readonly identity: GatewayIdentity;
  readonly #parts: ClusterControlParts;
  readonly #log: RepeatLimiter;

  constructor(parts: ClusterControlParts) {
    this.#parts = parts;
    this.#log = new RepeatLimiter(parts.logger, parts.clock);
    this.identity = {
      serverId: parts.serverId,
      serverName: parts.now().config.serverName,
      version: programVersion(),
      natsVersion: SERVER_VERSION,
      startMs: Date.now(),
    };
  }

  /** Clients are served as long as one worker does. */
  async readiness(): Promise<Readiness> {
    const { phase } = this.#parts.now();
    if (phase !== 'serving') return unready(phase);
    const answers = await this.#askAll({ kind: 'readiness', about: null });
    const isLameDuck = answers.some((answer) => answer.isLameDuck);
    if (answers.some(({ isReady }) => isReady)) return { isReady: true, reasons: [], isLameDuck };
    const reasons = [...new Set(answers.flatMap((answer) => answer.reasons))];
    const nobody = 'no worker serves clients at the moment';
    return { isReady: false, reasons: reasons.length === 0 ? [nobody] : reasons, isLameDuck };
  }

  /** Each worker gives as many as the page could need of it. */
  async clients(query: ClientQuery): Promise<ClientPage> {
    const { offset, limit, cid } = query;
    const about = { ...query, offset: 0, limit: offset + limit };
    const pages = await this.#askAll({ kind: 'clients', about }, cid);
    const all = pages.flatMap(({ clients }) => clients).sort((a, b) => a.cid - b.cid);
    return { total: sum(pages.map(({ total }) => total)), clients: pageOfClients(all, query, Date.now()) };
  }

  async subscriptions(query: SubscriptionQuery): Promise<SubscriptionPage> {
    const { offset, limit } = query;
    const about = { ...query, offset: 0, limit: offset + limit };
    const pages = await this.#askAll({ kind: 'subscriptions', about });
    return {
      total: sum(pages.map(({ total }) => total)),
      subscriptions: pages.flatMap(({ subscriptions }) => subscriptions).slice(offset, offset + limit),
    };
  }

  async kick(who: Parameters<GatewayControl['kick']>[0]): Promise<number> {
    const counts = await this.#askAll({ kind: 'kick', about: who }, 'cid' in who ? who.cid : undefined);
    return sum(counts);
  }

  async listeners(): Promise<readonly ListenerView[]> {
    const answers = await this.#askAll({ kind: 'listeners', about: null });
    const { listeners, mountpoint: common } = this.#parts.now().config;
    return listeners.map((settings) => {
      const { name, type, host, port, maxConnections, isAuthenticated, mountpoint } = settings;
      const of = answers.flatMap((views) => views.filter((view) => view.name === name));
      const [first] = of;
      return {
        ...(first ?? { name, type, host, port, isAuthenticated, mountpoint: mountpoint ?? common }),
        maxConnections,
        state: of.some(({ state }) => state === 'listening') ? 'listening' : 'closed',
        connections: sum(of.map(({ connections }) => connections)),
        accepted: sum(of.map(({ accepted }) => accepted)),
        rejected: sumOf(of.map(({ rejected }) => rejected)) as ListenerView['rejected'],
      };
    });
  }

  async upstream(): Promise<readonly UpstreamView[]> {
    return (await this.#askAll({ kind: 'upstream', about: null })).flat();
  }

  /** All workers read the same files. */
  async certificates(): Promise<readonly CertificateView[]> {
    const answers = await this.#askAll({ kind: 'certificates', about: null });
    return answers[0] ?? [];
  }

  async tap(request: TapRequest, onMessage: (message: TapMessage) => void): Promise<TapHandle> {
    return this.#parts.taps.open(request, onMessage);
  }

  /** @param cid asks only the worker that has this client */
  async #askAll<K extends ControlKind>(
    question: ControlQuestion<K>,
    cid?: number,
  ): Promise<ControlQuestions[K]['answer'][]> {
    const asked = this.#parts.workers.filter(
      ({ isReady, worker }) => isReady && (cid === undefined || worker === workerOf(cid)),
    );
    const answers = await Promise.all(asked.map((one) => this.#ask(one, question)));
    return answers.filter((answer) => answer !== null);
  }

  async #ask<K extends ControlKind>(
    one: AskedWorker,
    question: ControlQuestion<K>,
  ): Promise<ControlQuestions[K]['answer'] | null> {
    const answer = await one.askControl(question);
    if (answer === null) {
      const fields = { event: 'cluster.worker_unanswered', worker: one.worker, question: question.kind };
      this.#log.log('warn', fields, 'a worker did not answer: what is shown goes without it');
    }
    return answer;
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
