/**
 * Writes the operations of one client to the log (level trace): which, on what subject, how large. Never a payload, a header
 * or a credential. Stands beside the bytes: without it nothing is slower.
 */
import type { OperationHandler, PublishOp, SubscribeOp, UnsubscribeOp } from '../nats/operations.ts';
import type { ParserSession } from '../nats/parser.ts';
import type { LogFields, Logger } from '../util/logger.ts';

interface Details {
  readonly [name: string]: unknown;
}

/** Longest line that is remembered while it is incomplete: the beginning is what counts. */
const MAX_LINE_BYTES = 8 * 1024;

/** Offers what the client sends to its session, and writes it down. */
export class TracedSession implements ParserSession {
  readonly #session: ParserSession;
  readonly #logger: Logger;
  readonly #cid: number;
  /** The last operation was refused: it comes again, and has been written down. */
  #isHeld = false;

  constructor(session: ParserSession, logger: Logger, cid: number) {
    this.#session = session;
    this.#logger = logger;
    this.#cid = cid;
  }

  get maxPayloadBytes(): number {
    return this.#session.maxPayloadBytes;
  }

  get hasHeaders(): boolean {
    return this.#session.hasHeaders;
  }

  onConnect(line: Buffer, start: number, end: number): boolean {
    return this.#offer('CONNECT', {}, (session) => session.onConnect(line, start, end));
  }

  onPublishIncomplete(totalBytes: number): boolean {
    return this.#session.onPublishIncomplete(totalBytes);
  }

  onPublish(op: PublishOp): boolean {
    const headerBytes = op.payloadStart - op.headerStart;
    const details = {
      subject: textOf(op.line, op.subjectStart, op.subjectEnd),
      ...(op.replyEnd > op.replyStart && { reply: textOf(op.line, op.replyStart, op.replyEnd) }),
      ...(headerBytes > 0 && { header_bytes: headerBytes }),
      bytes: op.payloadEnd - op.payloadStart,
    };
    return this.#offer(headerBytes > 0 ? 'HPUB' : 'PUB', details, (session) => session.onPublish(op));
  }

  onSubscribe(op: SubscribeOp): boolean {
    const details = {
      subject: textOf(op.line, op.subjectStart, op.subjectEnd),
      ...(op.queueEnd > op.queueStart && { queue: textOf(op.line, op.queueStart, op.queueEnd) }),
      sid: textOf(op.line, op.sidStart, op.sidEnd),
    };
    return this.#offer('SUB', details, (session) => session.onSubscribe(op));
  }

  onUnsubscribe(op: UnsubscribeOp): boolean {
    const details = { sid: textOf(op.line, op.sidStart, op.sidEnd), ...(op.max > 0 && { max: op.max }) };
    return this.#offer('UNSUB', details, (session) => session.onUnsubscribe(op));
  }

  onPing(): boolean {
    return this.#offer('PING', {}, (session) => session.onPing());
  }

  onPong(): boolean {
    return this.#offer('PONG', {}, (session) => session.onPong());
  }

  /** Before the session acts on it, so that what follows from it comes later in the log. */
  #offer(operation: string, details: Details, call: (session: OperationHandler) => boolean): boolean {
    if (!this.#isHeld) write(this.#logger, 'received', { cid: this.#cid, operation, ...details });
    const isTaken = call(this.#session);
    this.#isHeld = !isTaken;
    return isTaken;
  }
}

/** Reads what is sent to the client, and writes it down. */
export class OutputTrace {
  readonly #logger: Logger;
  readonly #cid: number;
  #line = '';
  /** Bytes of a body that are still to come, its line end included. */
  #bodyBytes = 0;

  constructor(logger: Logger, cid: number) {
    this.#logger = logger;
    this.#cid = cid;
  }

  /** The next bytes; operations may begin in one chunk and end in another. */
  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#bodyBytes > 0) {
        const skipped = Math.min(this.#bodyBytes, chunk.length - at);
        this.#bodyBytes -= skipped;
        at += skipped;
        continue;
      }
      const lineFeed = chunk.indexOf(0x0a, at);
      const end = lineFeed < 0 ? chunk.length : lineFeed;
      if (this.#line.length < MAX_LINE_BYTES) this.#line += chunk.toString('utf8', at, end);
      at = end + 1;
      if (lineFeed < 0) return;
      this.#onLine(this.#line.trimEnd());
      this.#line = '';
    }
  }

  #onLine(line: string): void {
    const [operation = '', ...words] = line.split(' ');
    write(this.#logger, 'sent', { cid: this.#cid, operation, ...this.#details(operation, line, words) });
  }

  #details(operation: string, line: string, words: readonly string[]): Details {
    if (operation === '-ERR') return { text: line.slice('-ERR '.length) };
    // MSG subject sid [reply] bytes; HMSG has the bytes of the headers before the last number.
    const hasHeaders = operation === 'HMSG';
    if (operation !== 'MSG' && !hasHeaders) return {};
    const total = Number(words.at(-1));
    const headerBytes = hasHeaders ? Number(words.at(-2)) : 0;
    this.#bodyBytes = total + 2;
    const [subject, sid, reply] = words.slice(0, hasHeaders ? -2 : -1);
    return {
      subject,
      sid,
      ...(reply !== undefined && { reply }),
      ...(hasHeaders && { header_bytes: headerBytes }),
      bytes: total - headerBytes,
    };
  }
}

interface Operation extends Details {
  readonly operation: string;
}

function write(logger: Logger, direction: 'received' | 'sent', operation: Operation): void {
  const fields: LogFields = { event: 'client.operation', direction, ...operation };
  logger.trace(fields, `${direction} ${operation.operation}`);
}

function textOf(line: Buffer, start: number, end: number): string {
  return line.toString('utf8', start, end);
}
