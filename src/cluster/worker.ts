/**
 * One of several processes that serve clients: a whole gateway, told by its primary when to start and stop. Knows
 * of the primary only the messages.
 */
import type { EventEmitter } from 'node:events';
import { deepFreeze } from '../config/deep-freeze.ts';
import { GatewayError } from '../errors.ts';
import type { createGateway, Gateway } from '../gateway.ts';
import { IDLE_STATUS, type ProcessStatus, processStatus } from '../metrics/gateway-view.ts';
import type { createLogger, Logger } from '../util/logger.ts';
import { answerOf } from './control-answer.ts';
import {
  failedMessage,
  type PrimaryMessage,
  readPrimaryMessage,
  type StartMessage,
  type WorkerMessage,
} from './messages.ts';
import { RemoteAdmission } from './remote-admission.ts';
import { RemotePeers } from './remote-peers.ts';
import { WorkerTaps } from './worker-taps.ts';

/** What a worker is made of. */
export interface WorkerParts {
  /** Messages of the primary, and last errors: `process`. */
  readonly events: EventEmitter;
  /** @param onSent called when the message is on its way, or cannot be */
  readonly send: (message: WorkerMessage, onSent: () => void) => void;
  readonly createGateway: typeof createGateway;
  readonly createLogger: typeof createLogger;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

const FAILURE = 1;

/** See the head of this file. */
export class Worker {
  readonly #parts: WorkerParts;
  readonly #admission: RemoteAdmission;
  readonly #peers: RemotePeers;
  readonly #taps: WorkerTaps;
  #logger: Logger | null = null;
  #gateway: Gateway | null = null;
  #starting: Promise<void> | null = null;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    const send = (message: WorkerMessage): void => this.#send(message);
    this.#admission = new RemoteAdmission(send);
    this.#peers = new RemotePeers(send);
    this.#taps = new WorkerTaps(send);
  }

  /** Says that it is there, and obeys from now on. */
  run(): void {
    const { events } = this.#parts;
    const onUncaught = (error: unknown): void => this.#crash(error);
    events.on('uncaughtException', onUncaught);
    events.on('unhandledRejection', onUncaught);
    events.on('message', (value) => this.#receive(value));
    this.#send({ type: 'loaded' });
  }

  #receive(value: unknown): void {
    const message = readPrimaryMessage(value);
    switch (message.type) {
      case 'start':
        this.#starting = this.#start(message);
        this.#starting.catch((error) => this.#crash(error));
        return;
      case 'decision':
        this.#admission.onDecision(message.cid, message.isAdmitted);
        return;
      case 'others':
        this.#peers.onOthers(message.areAway);
        return;
      case 'answered':
        this.#peers.onAnswered();
        return;
      case 'ask-control':
        // Not awaited: it reports its own failure.
        void this.#answer(message);
        return;
      case 'open-tap':
      case 'close-tap':
        if (this.#gateway !== null)
          this.#taps.obey(message, this.#gateway).catch((error) => this.#crash(error));
        return;
      case 'report':
        this.#send({ type: 'status', status: this.#status() });
        return;
      case 'reload':
        this.#reload(message).catch((error) => this.#crash(error));
        return;
      case 'surplus':
        this.#gateway?.endSurplus(message.cids);
        return;
      case 'lameDuck':
        this.#retire().catch((error) => this.#crash(error));
        return;
      case 'stop':
        this.#stop(message.isDrain).catch((error) => this.#crash(error));
        return;
      default:
        message satisfies never;
    }
  }

  async #start({ worker, config, serverId, cidBase }: StartMessage): Promise<void> {
    // The primary passes lines on, pretty where that is wanted.
    const logger = await this.#parts.createLogger({ level: config.log.level, format: 'json' });
    this.#logger = logger.child({ worker });
    const place = { serverId, cidBase, admission: this.#admission, peers: this.#peers };
    this.#gateway = this.#parts.createGateway(deepFreeze(config), { logger: this.#logger, place });
    try {
      await this.#gateway.start();
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#send(failedMessage(error), () => this.#parts.exit(FAILURE));
      return;
    }
    this.#send({ type: 'ready', addresses: this.#gateway.addresses() });
  }

  /** Answers as soon as everything is in force: checking the clients that are there may take longer. */
  async #reload({ id, config }: Extract<PrimaryMessage, { type: 'reload' }>): Promise<void> {
    await this.#starting;
    let isTaken = false;
    const answer = (reason: string): void => {
      const addresses = this.#gateway?.addresses() ?? [];
      this.#send({ type: 'reloaded', id, isTaken, reason, addresses });
    };
    try {
      await this.#gateway?.reload(deepFreeze(config), () => {
        isTaken = true;
        answer('');
      });
    } catch (error) {
      if (isTaken) throw error;
      answer(error instanceof Error ? error.message : String(error));
    }
  }

  async #retire(): Promise<void> {
    await this.#starting;
    await this.#gateway?.beginLameDuck();
    await this.#gateway?.retired;
    this.#send({ type: 'retired' });
  }

  /** What goes wrong here is no reason to leave the clients. */
  async #answer({ id, question }: Extract<PrimaryMessage, { type: 'ask-control' }>): Promise<void> {
    let answer: unknown = null;
    try {
      if (this.#gateway !== null) answer = await answerOf(this.#gateway, question);
    } catch (error) {
      const fields = { event: 'worker.control_failed', question: question.kind, err: error };
      this.#logger?.error(fields, 'a bug kept the worker from answering its primary');
    }
    const { kind } = question;
    this.#send({ type: 'control-answer', id, kind, isKnown: answer !== null, answer });
  }

  async #stop(isDrain: boolean): Promise<void> {
    await this.#gateway?.stop({ drain: isDrain });
    this.#send({ type: 'stopped', status: this.#status() }, () => this.#parts.exit(0));
  }

  #status(): ProcessStatus {
    const status = this.#gateway?.status();
    return status === undefined ? IDLE_STATUS : processStatus(status);
  }

  #send(message: WorkerMessage, onSent: () => void = () => {}): void {
    this.#parts.send(message, onSent);
  }

  #crash(error: unknown): void {
    this.#logger?.fatal({ event: 'process.uncaught', err: error }, 'a bug ended the worker');
    // Before there is a log, the primary shows what is written here.
    if (this.#logger === null) console.error(error);
    this.#parts.exit(FAILURE);
  }
}
