/**
 * Bytes from one client to operations, whatever way they are cut into chunks.
 * Must not know what an operation does, nor where the bytes come from. Subjects stay byte ranges; a PUB that lies
 * in one chunk is handed on without a copy and without an allocation.
 */
import { GatewayError } from '../errors.ts';
import { ArgumentScanner } from './argument-scanner.ts';
import { GatheredBytes } from './gathered-bytes.ts';
import {
  CONNECT,
  ERR,
  HPUB,
  INFO,
  NAME_COMPLETE,
  NAME_START,
  NAME_TABLE,
  OK,
  PING,
  PONG,
  PUB,
  SUB,
  UNSUB,
} from './operation-names.ts';
import type { OperationHandler, PublishOp, SubscribeOp, UnsubscribeOp } from './operations.ts';

/** What the parser needs of its session: where operations go, and the two settings that change while it runs. */
export interface ParserSession extends OperationHandler {
  /** Bytes of headers and payload together; read for each PUB. */
  readonly maxPayloadBytes: number;
  /** Without it HPUB is an error; read for each HPUB. */
  readonly hasHeaders: boolean;
}

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const LETTER_P = 0x50;
const LETTER_U = 0x55;
const LETTER_B = 0x42;

const EMPTY = Buffer.alloc(0);

/** Reading the name of an operation. */
const IN_NAME = 0;
/** Skipping what separates the name from the arguments; there may be any amount of it, so none is kept. */
const IN_BLANKS = 1;
/** Gathering arguments whose line did not end in the chunk it began in. */
const IN_LINE = 2;
/** Skipping what follows PING, PONG and +OK. */
const IN_REST = 3;
/** Gathering the body of a PUB. */
const IN_BODY = 4;
/** A handler has refused; nothing is read until `resume`. */
const IN_REFUSAL = 5;

/** Beside the operations: the question whether the body of a PUB may be waited for. */
const PUBLISH_INCOMPLETE = 10;

/** First allocation for a gathered line or body. */
const MIN_LINE_BYTES = 128;
const MIN_BODY_BYTES = 4096;

/** Limits of a {@link Parser}. */
export interface ParserLimits {
  /** Arguments only: without operation name, the blanks behind it, and line end. */
  readonly maxControlLineBytes: number;
}

/**
 * Incremental parser of the NATS client protocol. Errors are thrown as `GatewayError`, from {@link push} and
 * {@link resume}; the parser is dead after one and ignores what follows. A handler that ends its own connection
 * returns false, or it is called again for what is left of the chunk.
 * @see NATS client protocol, and nats-server's behaviour where that is silent
 */
export class Parser {
  readonly #session: ParserSession;
  readonly #limits: ParserLimits;
  #state = IN_NAME;
  #nameState = NAME_START;
  /** Operation being read. */
  #operation = CONNECT;
  #chunk: Buffer = EMPTY;
  #pos = 0;
  /** Chunks that arrived while an operation was refused. */
  /** Messages that a handler has taken. */
  publications = 0;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #isBusy = false;
  #isDead = false;
  readonly #arguments = new ArgumentScanner();
  /** Arguments of a line that spans chunks, or of a PUB whose body does. */
  readonly #line = new GatheredBytes();
  /** Body that spans chunks, and the CR LF behind it. */
  readonly #body = new GatheredBytes();
  #headerBytes = 0;
  #bodyTotal = 0;
  /** Call to repeat after a refusal. */
  #refused = CONNECT;
  #connectLine: Buffer = EMPTY;
  #connectStart = 0;
  #connectEnd = 0;
  readonly #publish: PublishOp = {
    line: EMPTY,
    subjectStart: 0,
    subjectEnd: 0,
    replyStart: 0,
    replyEnd: 0,
    body: EMPTY,
    headerStart: 0,
    payloadStart: 0,
    payloadEnd: 0,
  };
  readonly #subscribe: SubscribeOp = {
    line: EMPTY,
    subjectStart: 0,
    subjectEnd: 0,
    queueStart: 0,
    queueEnd: 0,
    sidStart: 0,
    sidEnd: 0,
  };
  readonly #unsubscribe: UnsubscribeOp = { line: EMPTY, sidStart: 0, sidEnd: 0, max: 0 };

  /** @param limits looked up when they are needed: they may change */
  constructor(session: ParserSession, limits: ParserLimits) {
    this.#session = session;
    this.#limits = limits;
  }

  /** An operation has been refused by its handler and waits for {@link resume}. */
  get isHeld(): boolean {
    return this.#state === IN_REFUSAL;
  }

  /** Memory held for input that is not yet taken: unfinished lines and bodies, and whole chunks while held. */
  get bufferedBytes(): number {
    return this.#chunk.length + this.#queuedBytes + this.#line.buffer.length + this.#body.buffer.length;
  }

  /**
   * Parses a chunk, which must not be written to again. While the parser is held, chunks are only queued: the caller
   * stops reading.
   * @throws {GatewayError} `GW_PARSE_…`, `GW_MAX_PAYLOAD`, `GW_CLIENT_SENT_ERR`, `GW_CONNECT_JSON` (for INFO), and
   * what a handler throws
   */
  push(chunk: Buffer): void {
    if (this.#isDead || chunk.length === 0) return;
    if (this.#isBusy || this.#state === IN_REFUSAL) {
      this.#queue.push(chunk);
      this.#queuedBytes += chunk.length;
      return;
    }
    this.#chunk = chunk;
    this.#pos = 0;
    this.#run();
  }

  /** Offers the refused operation again and, once it is taken, goes on. @throws {GatewayError} as {@link push} */
  resume(): void {
    if (this.#isDead || this.#isBusy || this.#state !== IN_REFUSAL) return;
    this.#run();
  }

  #run(): void {
    this.#isBusy = true;
    try {
      if (this.#state !== IN_REFUSAL || this.#offer(this.#refused)) this.#consumeAll();
    } catch (error) {
      this.#isDead = true;
      this.#state = IN_NAME;
      this.#queue = [];
      this.#queuedBytes = 0;
      this.#forgetChunk();
      this.#forgetGathered();
      throw error;
    } finally {
      this.#isBusy = false;
    }
  }

  #consumeAll(): void {
    let queueAt = 0;
    for (;;) {
      while (this.#pos < this.#chunk.length && this.#step());
      const next = this.#state === IN_REFUSAL ? undefined : this.#queue[queueAt];
      if (next === undefined) break;
      queueAt++;
      this.#queuedBytes -= next.length;
      this.#chunk = next;
      this.#pos = 0;
    }
    if (queueAt > 0) this.#queue.splice(0, queueAt);
    if (this.#state !== IN_REFUSAL) this.#forgetChunk();
  }

  /** The operation objects would keep the last chunk of an idle connection alive. */
  #forgetChunk(): void {
    this.#chunk = EMPTY;
    this.#pos = 0;
    if (this.#state !== IN_BODY) this.#publish.line = EMPTY;
    this.#publish.body = EMPTY;
    this.#subscribe.line = EMPTY;
    this.#unsubscribe.line = EMPTY;
    this.#connectLine = EMPTY;
  }

  #forgetGathered(): void {
    this.#line.clear();
    this.#body.clear();
  }

  /** Reads at least one byte. @returns false when a handler has refused */
  #step(): boolean {
    switch (this.#state) {
      case IN_NAME:
        return this.#readName();
      case IN_BLANKS:
        return this.#readBlanks();
      case IN_LINE:
        return this.#readLine();
      case IN_REST:
        return this.#readRest();
      default:
        return this.#readBody();
    }
  }

  #readName(): boolean {
    const chunk = this.#chunk;
    let state = this.#nameState;
    if (state === NAME_START && isPlainPub(chunk, this.#pos)) {
      this.#pos += 4;
      this.#operation = PUB;
      this.#state = IN_BLANKS;
      return this.#readBlanks();
    }
    for (let at = this.#pos; at < chunk.length; at++) {
      state = NAME_TABLE[(state << 8) | (chunk[at] ?? 0)] ?? 0;
      if (state === 0) throw new GatewayError('GW_PARSE_UNKNOWN_OPERATION', 'no operation has this name');
      if (state >= NAME_COMPLETE) {
        const operation = state - NAME_COMPLETE;
        this.#pos = at + 1;
        this.#nameState = NAME_START;
        this.#operation = operation;
        this.#state = operation === PING || operation === PONG || operation === OK ? IN_REST : IN_BLANKS;
        return true;
      }
    }
    this.#nameState = state;
    this.#pos = chunk.length;
    return true;
  }

  #readBlanks(): boolean {
    const chunk = this.#chunk;
    let at = this.#pos;
    while (chunk[at] === SPACE || chunk[at] === TAB) at++;
    this.#pos = at;
    if (at === chunk.length) return true;
    const lineFeed = this.#isSplit() ? this.#arguments.scan(chunk, at, chunk.length) : chunk.indexOf(LF, at);
    if (lineFeed < 0) {
      this.#state = IN_LINE;
      return this.#readLine();
    }
    this.#pos = lineFeed + 1;
    return this.#takeLine(chunk, at, lineFeed);
  }

  /** Goes on with a line that has no end in the chunk it began in. */
  #readLine(): boolean {
    const chunk = this.#chunk;
    const start = this.#pos;
    const line = this.#line;
    const lineFeed = chunk.indexOf(LF, start);
    const end = lineFeed < 0 ? chunk.length : lineFeed + 1;
    // With the line end two bytes more are allowed; beyond that not even the copy is made.
    this.#checkLineLength(line.length + end - start - 2);
    line.append(chunk, start, end, MIN_LINE_BYTES, this.#limits.maxControlLineBytes + 2);
    this.#pos = end;
    const { buffer, length } = line;
    if (lineFeed < 0) {
      // A flood without a line end is stopped now; a CR may still be part of the line end.
      this.#checkLineLength(buffer[length - 1] === CR ? length - 1 : length);
      return true;
    }
    if (this.#isSplit()) this.#arguments.scan(buffer, 0, length);
    return this.#takeLine(buffer, 0, length - 1);
  }

  #checkLineLength(length: number): void {
    const { maxControlLineBytes } = this.#limits;
    if (length <= maxControlLineBytes) return;
    throw new GatewayError('GW_PARSE_CONTROL_LINE', 'control line too long', {
      context: { maxControlLineBytes },
    });
  }

  #readRest(): boolean {
    const chunk = this.#chunk;
    const at = this.#pos;
    const lineFeed = chunk[at] === CR && chunk[at + 1] === LF ? at + 1 : chunk.indexOf(LF, at);
    this.#pos = lineFeed < 0 ? chunk.length : lineFeed + 1;
    return lineFeed < 0 || this.#offer(this.#operation);
  }

  #isSplit(): boolean {
    return this.#operation >= PUB && this.#operation <= UNSUB;
  }

  /** Takes the arguments `line[start, lineFeed)`, which may end in a CR. */
  #takeLine(line: Buffer, start: number, lineFeed: number): boolean {
    const end = lineFeed > start && line[lineFeed - 1] === CR ? lineFeed - 1 : lineFeed;
    this.#checkLineLength(end - start);
    switch (this.#operation) {
      case PUB:
      case HPUB:
        return this.#takePublish(line, start, end);
      case SUB:
        this.#takeSubscribe(line);
        break;
      case UNSUB:
        this.#takeUnsubscribe(line);
        break;
      case INFO:
        checkInfo(line, start, end);
        break;
      case ERR:
        throw new GatewayError('GW_CLIENT_SENT_ERR', 'client has sent -ERR');
      default:
        this.#connectLine = line;
        this.#connectStart = start;
        this.#connectEnd = end;
    }
    return this.#offer(this.#operation);
  }

  #takePublish(line: Buffer, start: number, end: number): boolean {
    const found = this.#arguments;
    const hasBlock = this.#operation === HPUB;
    if (hasBlock && !this.#session.hasHeaders) throw badArguments('HPUB without headers in CONNECT');
    const names = found.count - (hasBlock ? 2 : 1);
    if (names < 1 || names > 2) throw badArguments('PUB or HPUB with a wrong number of arguments');
    // nats-server takes it for a part of the name, which then breaks the lines of those it is delivered to.
    if (found.hasStrayCr) throw badArguments('PUB or HPUB with a CR among the arguments');
    const total = found.number(line, found.count - 1);
    const headerBytes = hasBlock ? found.number(line, names) : 0;
    if (total < 0 || headerBytes < 0 || headerBytes > total)
      throw badArguments('PUB or HPUB with a bad size');
    const maxPayloadBytes = this.#session.maxPayloadBytes;
    if (total > maxPayloadBytes) {
      throw new GatewayError('GW_MAX_PAYLOAD', 'message too large', { context: { total, maxPayloadBytes } });
    }
    const op = this.#publish;
    op.line = line;
    op.subjectStart = found.start(0);
    op.subjectEnd = found.end(0);
    op.replyStart = names === 2 ? found.start(1) : op.subjectEnd;
    op.replyEnd = names === 2 ? found.end(1) : op.subjectEnd;
    this.#headerBytes = headerBytes;
    this.#bodyTotal = total;
    return this.#takeBodyOfChunk(start, end);
  }

  /** @param start of the arguments, as `end`: they are copied if the body must be waited for */
  #takeBodyOfChunk(start: number, end: number): boolean {
    const chunk = this.#chunk;
    const bodyStart = this.#pos;
    const bodyEnd = bodyStart + this.#bodyTotal;
    if (bodyEnd < chunk.length && chunk[bodyEnd] !== CR) throw badBodyEnd();
    if (bodyEnd + 1 >= chunk.length) {
      if (this.#line.length === 0) this.#keepArguments(start, end);
      return this.#offer(PUBLISH_INCOMPLETE);
    }
    if (chunk[bodyEnd + 1] !== LF) throw badBodyEnd();
    this.#pos = bodyEnd + 2;
    return this.#offerPublish(chunk, bodyStart);
  }

  #keepArguments(start: number, end: number): void {
    const op = this.#publish;
    this.#line.append(op.line, start, end, end - start, end - start);
    op.line = this.#line.buffer;
    op.subjectStart -= start;
    op.subjectEnd -= start;
    op.replyStart -= start;
    op.replyEnd -= start;
  }

  #readBody(): boolean {
    const body = this.#body;
    const total = this.#bodyTotal;
    const start = this.#pos;
    const end = Math.min(start + total + 2 - body.length, this.#chunk.length);
    body.append(this.#chunk, start, end, MIN_BODY_BYTES, total + 2);
    this.#pos = end;
    const { buffer, length } = body;
    if (length > total && buffer[total] !== CR) throw badBodyEnd();
    if (length < total + 2) return true;
    if (buffer[total + 1] !== LF) throw badBodyEnd();
    return this.#offerPublish(buffer, 0);
  }

  #offerPublish(body: Buffer, start: number): boolean {
    const op = this.#publish;
    op.body = body;
    op.headerStart = start;
    op.payloadStart = start + this.#headerBytes;
    op.payloadEnd = start + this.#bodyTotal;
    return this.#offer(PUB);
  }

  #takeSubscribe(line: Buffer): void {
    const found = this.#arguments;
    const { count } = found;
    if (count < 2 || count > 3) throw badArguments('SUB with a wrong number of arguments');
    const op = this.#subscribe;
    op.line = line;
    op.subjectStart = found.start(0);
    op.subjectEnd = found.end(0);
    op.queueStart = count === 3 ? found.start(1) : op.subjectEnd;
    op.queueEnd = count === 3 ? found.end(1) : op.subjectEnd;
    op.sidStart = found.start(count - 1);
    op.sidEnd = found.end(count - 1);
  }

  #takeUnsubscribe(line: Buffer): void {
    const found = this.#arguments;
    const { count } = found;
    if (count < 1 || count > 2) throw badArguments('UNSUB with a wrong number of arguments');
    const op = this.#unsubscribe;
    op.line = line;
    op.sidStart = found.start(0);
    op.sidEnd = found.end(0);
    // What is no number ends the subscription now, as in nats-server.
    op.max = count === 2 ? Math.max(0, found.number(line, 1)) : 0;
  }

  /** Calls the handler; afterwards the next operation is to be read, or this one is to be offered again. */
  #offer(call: number): boolean {
    if (!this.#call(call)) {
      this.#state = IN_REFUSAL;
      this.#refused = call;
      return false;
    }
    if (call === PUBLISH_INCOMPLETE) {
      this.#state = IN_BODY;
      return true;
    }
    if (call === PUB) this.publications += 1;
    this.#state = IN_NAME;
    this.#forgetGathered();
    return true;
  }

  #call(call: number): boolean {
    const session = this.#session;
    switch (call) {
      case PUB:
        return session.onPublish(this.#publish);
      case PUBLISH_INCOMPLETE:
        return session.onPublishIncomplete(this.#bodyTotal);
      case SUB:
        return session.onSubscribe(this.#subscribe);
      case UNSUB:
        return session.onUnsubscribe(this.#unsubscribe);
      case PING:
        return session.onPing();
      case PONG:
        return session.onPong();
      case CONNECT:
        return session.onConnect(this.#connectLine, this.#connectStart, this.#connectEnd);
      default:
        return true;
    }
  }
}

/** The operation that there are most of, as every library writes it. */
function isPlainPub(chunk: Buffer, at: number): boolean {
  return (
    chunk[at] === LETTER_P &&
    chunk[at + 1] === LETTER_U &&
    chunk[at + 2] === LETTER_B &&
    chunk[at + 3] === SPACE
  );
}

function badArguments(message: string): GatewayError {
  return new GatewayError('GW_PARSE_ARGUMENTS', message);
}

function badBodyEnd(): GatewayError {
  return new GatewayError(
    'GW_PARSE_UNKNOWN_OPERATION',
    'no CR LF where the announced size says that the body ends',
  );
}

/** nats-server takes INFO from a client and does nothing with it, but only if it is an INFO. */
function checkInfo(line: Buffer, start: number, end: number): void {
  let info: unknown;
  try {
    info = JSON.parse(line.toString('utf8', start, end));
  } catch {
    // Without cause: its message would quote what the client has sent.
    throw new GatewayError('GW_CONNECT_JSON', 'INFO with invalid JSON');
  }
  if (typeof info !== 'object' || Array.isArray(info)) {
    throw new GatewayError('GW_CONNECT_JSON', 'INFO with something else than an object');
  }
}
