/** Who is looking at messages of this process, and at which. While nobody is, that is one look per message. */
import {
  MAX_TAPS,
  type TapDirection,
  type TapHandle,
  type TapMessage,
  type TapRequest,
} from '../control/tap.ts';
import { GatewayError } from '../errors.ts';
import { isValidSubscription, matches } from '../nats/subject.ts';
import { describeBug } from '../util/bug.ts';
import type { Clock } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { TapStream } from './tap-stream.ts';

/** One that goes on. */
export class OpenTap {
  readonly request: TapRequest;
  readonly stream: TapStream;
  readonly #subject: Buffer | null;

  constructor(request: TapRequest, stream: TapStream) {
    this.request = request;
    this.stream = stream;
    this.#subject = request.subject === undefined ? null : Buffer.from(request.subject);
  }

  /** @param subject null: the message has none */
  wants(direction: TapDirection, cid: number, user: string, subject: Buffer | null): boolean {
    const { request } = this;
    return (
      (request.direction === undefined || request.direction === direction) &&
      (request.cid === undefined || request.cid === cid) &&
      (request.user === undefined || request.user === user) &&
      (this.#subject === null || (subject !== null && matches(this.#subject, subject, 0, subject.length)))
    );
  }
}

/** See the head of the file. */
export class TapHub {
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Null while nobody looks. */
  active: readonly OpenTap[] | null = null;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** @throws {GatewayError} `GW_LIMIT` when there are too many, `GW_INVALID_SUBJECT` for a subject that is none */
  open(request: TapRequest, onMessage: (message: TapMessage) => void): TapHandle {
    checkTap(request, this.active?.length ?? 0);
    const stream: TapStream = new TapStream(request, this.#clock, {
      onMessage: (message) => this.#pass(message, onMessage, stream),
      onEnded: () => this.#remove(stream),
    });
    this.active = [...(this.active ?? []), new OpenTap(request, stream)];
    return { close: () => stream.end('closed') };
  }

  /** The gateway stops. */
  close(): void {
    for (const { stream } of this.active ?? []) stream.end('shutdown');
  }

  /** Whoever looks must not stop what is looked at. */
  #pass(message: TapMessage, onMessage: (message: TapMessage) => void, stream: TapStream): void {
    try {
      onMessage(message);
    } catch (error) {
      this.#logger.error({ event: 'tap.failed', ...describeBug(error) }, 'a tap ends because of a bug');
      stream.end('closed');
    }
  }

  #remove(stream: TapStream): void {
    const left = (this.active ?? []).filter((one) => one.stream !== stream);
    this.active = left.length === 0 ? null : left;
  }
}

/**
 * Whether one more tap may begin.
 * @param count how many there are
 * @throws {GatewayError} as {@link TapHub.open} does
 */
export function checkTap({ subject }: TapRequest, count: number): void {
  if (count >= MAX_TAPS) throw new GatewayError('GW_LIMIT', `no more than ${MAX_TAPS} taps at the same time`);
  if (subject === undefined) return;
  const bytes = Buffer.from(subject);
  if (!isValidSubscription(bytes, 0, bytes.length))
    throw new GatewayError(
      'GW_INVALID_SUBJECT',
      'the subject of the tap is none that a client could subscribe to',
    );
}
