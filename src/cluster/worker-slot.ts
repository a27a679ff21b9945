/**
 * One worker's place: the process in it, and the next one when that ends. Knows how to start, watch and replace, not
 * what the others do.
 */
import type { Config } from '../config/config.ts';
import type { TapMessage } from '../control/tap.ts';
import { GatewayError } from '../errors.ts';
import type { WorkerStatus } from '../metrics/gateway-view.ts';
import type { ListenerAddress } from '../transport/listener.ts';
import type { Clock, TimerHandle } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import type { ControlKind, ControlQuestion, ControlQuestions } from './control-question.ts';
import { type PrimaryMessage, readWorkerMessage, type StartMessage, type WorkerMessage } from './messages.ts';
import { PendingAnswers } from './pending-answers.ts';
import { type ReloadOutcome, ReloadQuestion } from './reload-question.ts';
import { MAX_FAILED_STARTS, RestartPolicy } from './restart-policy.ts';
import type { Spawn, WorkerHandle } from './spawn.ts';
import { WorkerFigures } from './worker-figures.ts';

/** Whoever has the slots. */
export interface SlotOwner {
  /** The process is loaded and waits for {@link WorkerSlot.begin}. */
  onLoaded(slot: WorkerSlot): void;
  /** @throws {GatewayError} when it does not listen where it must: it is replaced then */
  onReady(slot: WorkerSlot, addresses: readonly ListenerAddress[]): void;
  /** The process says that it cannot start, and why. @returns whether another try has a point */
  onFailed(slot: WorkerSlot, error: GatewayError): boolean;
  /** @returns whether one more client may be served */
  onAsk(slot: WorkerSlot, cid: number, listener: string): boolean;
  onLeft(slot: WorkerSlot, cid: number): void;
  /** Clients of this worker are without the broker, or none any more. */
  onAway(slot: WorkerSlot, areAway: boolean): void;
  /** The broker has answered this worker after an outage. */
  onAnswered(slot: WorkerSlot): void;
  /** A tap shows something. */
  onTap(slot: WorkerSlot, id: number, message: TapMessage): void;
  /** The process is gone; another one follows unless the slot was stopped or `onHopeless` is called. */
  onEnded(slot: WorkerSlot): void;
  /** No process can be started here. */
  onHopeless(error: GatewayError): void;
}

/** What a slot is made of. */
export interface SlotParts {
  /** From 1. */
  readonly worker: number;
  readonly spawn: Spawn;
  readonly owner: SlotOwner;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** From the start of a process until it listens. */
const START_LIMIT_MS = 30_000;

/** `pausing`: between two processes. `loading`, then `starting`: before it listens. `stopped`: for good. */
type State = 'loading' | 'starting' | 'ready' | 'stopping' | 'pausing' | 'stopped';

/** See the head of this file. */
export class WorkerSlot {
  readonly worker: number;
  readonly #parts: SlotParts;
  readonly #policy = new RestartPolicy();
  readonly #figures: WorkerFigures;
  readonly #reload: ReloadQuestion;
  readonly #answers: PendingAnswers;
  #state: State = 'pausing';
  #stateSinceMs = 0;
  /** Of the state: how long starting or pausing may take. */
  #timer: TimerHandle | undefined;
  #process: WorkerHandle | null = null;
  /** Processes started so far. */
  #count = 0;
  /** Why the process cannot start, as it says itself. */
  #failure: GatewayError | null = null;
  #onStopped: ((isClean: boolean) => void) | null = null;
  /** Set once it is a lame duck: the process is not replaced any more. */
  #onRetired: (() => void) | null = null;

  constructor(parts: SlotParts) {
    this.#parts = parts;
    this.worker = parts.worker;
    this.#figures = new WorkerFigures(parts.clock);
    this.#reload = new ReloadQuestion(parts.clock);
    this.#answers = new PendingAnswers(parts.clock);
  }

  get isReady(): boolean {
    return this.#state === 'ready';
  }

  get hasBegun(): boolean {
    return this.#state === 'starting' || this.#state === 'ready';
  }

  /** Starts the first process, or the next one. */
  open(): void {
    this.#failure = null;
    this.#count += 1;
    this.#enter('loading', START_LIMIT_MS, () => {
      const fields = { event: 'worker.start_timeout', worker: this.worker, limitMs: START_LIMIT_MS };
      this.#parts.logger.error(fields, 'a worker takes too long to start');
      this.kill();
    });
    try {
      this.#process = this.#parts.spawn({
        onMessage: (value) => this.#guardedReceive(value),
        onEnd: (code, signal) => this.#onEnd(code, signal),
      });
    } catch (error) {
      const fields = { event: 'worker.not_started', worker: this.worker, err: error };
      this.#parts.logger.error(fields, 'no process for a worker');
      this.#onEnd(null, null);
    }
  }

  /** Lets the loaded process listen. */
  begin(start: StartMessage): void {
    if (this.#state !== 'loading') return;
    // The time limit of the start goes on.
    this.#state = 'starting';
    this.tell(start);
  }

  /** Sends the process a message; without one it is dropped. */
  tell(message: PrimaryMessage): void {
    this.#process?.send(message);
  }

  /** Asks the process to take a configuration over; one that still starts does so afterwards. */
  reload(config: Config): Promise<ReloadOutcome> {
    return this.#reload.ask((id) => this.tell({ type: 'reload', id, config }));
  }

  /** Asks the process on behalf of an operator. @returns null when there is no answer in time */
  askControl<K extends ControlKind>(
    question: ControlQuestion<K>,
  ): Promise<ControlQuestions[K]['answer'] | null> {
    return this.#answers.ask(question.kind, (id) => this.tell({ type: 'ask-control', id, question }));
  }

  /** What the process is doing, as it says itself if it does so in time. */
  async report(): Promise<WorkerStatus> {
    const isCurrent = this.isReady && (await this.#figures.refresh(() => this.tell({ type: 'report' })));
    return {
      ...this.#figures.known,
      worker: this.worker,
      pid: this.#process?.pid ?? null,
      uptimeMs: this.isReady ? this.#msInState : 0,
      restarts: Math.max(0, this.#count - 1),
      isCurrent,
    };
  }

  /** The process sends its clients away; no other one is started. Resolves when they, or the process, are gone. */
  retire(): Promise<void> {
    return new Promise((resolve) => {
      this.#onRetired = resolve;
      if (this.hasBegun) this.tell({ type: 'lameDuck' });
      else {
        this.#enter('pausing');
        this.kill();
        resolve();
      }
    });
  }

  /** Ends the process, and starts no other. To be called once. @returns whether it has ended as it was told */
  stop(isDrain: boolean): Promise<boolean> {
    return new Promise((resolve) => {
      this.#onStopped = resolve;
      if (this.#process === null) {
        this.#finish(true);
      } else {
        this.#enter('stopping');
        this.tell({ type: 'stop', isDrain });
      }
    });
  }

  /** Ends the process at once. */
  kill(): void {
    this.#process?.kill();
  }

  get #msInState(): number {
    return Math.round(this.#parts.clock.now() - this.#stateSinceMs);
  }

  #enter(state: State, limitMs?: number, onLimit: () => void = () => {}): void {
    const { clock } = this.#parts;
    clock.clearTimeout(this.#timer);
    this.#timer = limitMs === undefined ? undefined : clock.setTimeout(onLimit, limitMs);
    this.#state = state;
    this.#stateSinceMs = clock.now();
  }

  /** A worker that has gone wrong must not take the others with it. */
  #guardedReceive(value: unknown): void {
    try {
      this.#receive(readWorkerMessage(value));
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#parts.logger.error(
        { event: 'worker.misbehaves', worker: this.worker, err: error },
        error.message,
      );
      this.kill();
    }
  }

  #receive(message: WorkerMessage): void {
    const { owner } = this.#parts;
    switch (message.type) {
      case 'loaded':
        if (this.#state === 'loading') owner.onLoaded(this);
        return;
      case 'ready':
        if (this.#state === 'starting') this.#onReady(message.addresses);
        return;
      case 'failed':
        this.#failure = new GatewayError(message.code, message.message, { context: message.context });
        return;
      case 'ask': {
        const isAdmitted = owner.onAsk(this, message.cid, message.listener);
        this.tell({ type: 'decision', cid: message.cid, isAdmitted });
        return;
      }
      case 'left':
        owner.onLeft(this, message.cid);
        return;
      case 'away':
        owner.onAway(this, message.areAway);
        return;
      case 'answered':
        owner.onAnswered(this);
        return;
      case 'reloaded':
        this.#reload.onAnswer(
          message.id,
          message.isTaken
            ? { kind: 'taken', addresses: message.addresses }
            : { kind: 'refused', reason: message.reason },
        );
        return;
      case 'retired':
        this.#onRetired?.();
        return;
      case 'tap':
        owner.onTap(this, message.id, message.message);
        return;
      case 'control-answer':
        this.#answers.onAnswer(message.id, message.kind, message.answer);
        return;
      case 'status':
      case 'stopped':
        this.#figures.update(message.status);
        return;
      default:
        message satisfies never;
    }
  }

  #onReady(addresses: readonly ListenerAddress[]): void {
    const { worker, logger, owner } = this.#parts;
    const fields = { worker, pid: this.#process?.pid, restarts: this.#count - 1, startMs: this.#msInState };
    this.#enter('ready');
    logger.info({ event: 'worker.started', ...fields }, 'a worker serves clients');
    owner.onReady(this, addresses);
  }

  #onEnd(code: number | null, signal: string | null): void {
    const state = this.#state;
    const servedMs = state === 'ready' ? this.#msInState : null;
    const pid = this.#process?.pid;
    this.#process = null;
    this.#figures.retire();
    this.#reload.onGone();
    this.#answers.onGone();
    const isClean = state === 'stopping' && code === 0;
    const isLast = state === 'stopping' || this.#onRetired !== null;
    const pauseMs = isLast ? null : this.#pauseAfter(servedMs);
    if (!isClean) {
      const fields = { worker: this.worker, pid, code, signal, servedMs, restartInMs: pauseMs };
      this.#parts.logger.error({ event: 'worker.exited', ...fields }, 'a worker has ended');
    }
    this.#onRetired?.();
    if (state === 'stopping') this.#finish(isClean);
    else if (isLast) this.#enter('pausing');
    else this.#replace(pauseMs, signal ?? (code === null ? 'no process' : `exit code ${code}`));
    this.#parts.owner.onEnded(this);
  }

  /** Null: there is no point in starting another one. */
  #pauseAfter(servedMs: number | null): number | null {
    const pauseMs = this.#policy.onEnded(servedMs);
    return this.#failure !== null && !this.#parts.owner.onFailed(this, this.#failure) ? null : pauseMs;
  }

  #replace(pauseMs: number | null, how: string): void {
    if (pauseMs !== null) {
      this.#enter('pausing', pauseMs, () => this.open());
      return;
    }
    this.#enter('pausing');
    const words = `worker ${this.worker} ended ${MAX_FAILED_STARTS} times in a row before it could serve clients`;
    const hopeless = new GatewayError('GW_INTERNAL', `${words} (${how}); see the log above`);
    this.#parts.owner.onHopeless(this.#failure ?? hopeless);
  }

  #finish(isClean: boolean): void {
    this.#enter('stopped');
    this.#onStopped?.(isClean);
  }
}
