/**
 * The incremental parser of client operations. Calls an OperationHandler with byte ranges: a PUB that lies in one
 * chunk is neither copied nor turned into a string. Knows no sockets and no session state.
 */
import { GatewayError } from '../errors.ts';
import { MAX_NUMBER_DIGITS } from './limits.ts';
import type { OperationHandler, PublishOp, SubscribeOp, UnsubscribeOp } from './operations.ts';

/** Who takes the operations, and the two settings that CONNECT or the broker may change at any time. */
export interface ParserOwner extends OperationHandler {
  /** Largest PUB size or HPUB total; read for each. */
  readonly maxPayloadBytes: number;
  /** HPUB is allowed. */
  readonly hasHeaders: boolean;
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
/** Turns A–Z into a–z; does not matter for the other bytes that are compared. */
const LOWER = 0x20;
const EMPTY = Buffer.alloc(0);
/** Names with more tokens than any operation has are wrong already. */
const MAX_TOKENS = 5;

type Verb = 'connect' | 'hpub' | 'info' | 'pub' | 'ping' | 'pong' | 'sub' | 'unsub' | '+ok' | '-err';

interface VerbShape {
  readonly verb: Verb;
  readonly name: Buffer;
  /** A blank must follow the name. */
  readonly needsBlank: boolean;
  /** Everything up to the line end is ignored, however long. */
  readonly ignoresRest: boolean;
}

const shape = (verb: Verb, needsBlank: boolean, ignoresRest: boolean): VerbShape => ({
  verb,
  name: Buffer.from(verb),
  needsBlank,
  ignoresRest,
});

const VERBS: readonly VerbShape[] = [
  shape('pub', true, false),
  shape('hpub', true, false),
  shape('sub', true, false),
  shape('unsub', true, false),
  shape('ping', false, true),
  shape('pong', false, true),
  shape('connect', false, false),
  shape('info', false, false),
  shape('+ok', false, true),
  shape('-err', true, false),
];

const isBlank = (byte: number | undefined): boolean => byte === SPACE || byte === TAB;

/** One client's parser. */
export class Parser {
  #owner: ParserOwner;
  #maxControlLine: number;
  #isDead = false;
  /** Set while an operation waits to be taken: offers it again. */
  #retry: (() => boolean) | null = null;
  /** The chunk that parsing stopped in, and where. */
  #chunk: Buffer = EMPTY;
  #pos = 0;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  /** Beginning of a line whose end has not come. */
  #line: Buffer = EMPTY;
  #lineLength = 0;
  /** A line of which only the end matters. */
  #skipping: VerbShape | null = null;
  /** Parts of a body whose end has not come; `#missing` counts the line end behind it. */
  #body: Buffer[] = [];
  #bodyBytes = 0;
  #missing = 0;
  #tokens = new Int32Array(MAX_TOKENS * 2);
  #publish: PublishOp = {
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
  #headerBytes = 0;
  #totalBytes = 0;
  #subscribe: SubscribeOp = {
    line: EMPTY,
    subjectStart: 0,
    subjectEnd: 0,
    queueStart: 0,
    queueEnd: 0,
    sidStart: 0,
    sidEnd: 0,
  };
  #unsubscribe: UnsubscribeOp = { line: EMPTY, sidStart: 0, sidEnd: 0, max: 0 };

  /** @param maxControlLineBytes longest argument of an operation; see `max_control_line` */
  constructor(owner: ParserOwner, maxControlLineBytes: number) {
    this.#owner = owner;
    this.#maxControlLine = maxControlLineBytes;
  }

  /** An operation has been refused for now: nothing is parsed before `resume()`. */
  get isHeld(): boolean {
    return this.#retry !== null;
  }

  /** Bytes of unfinished operations, and of input behind a held one. */
  get bufferedBytes(): number {
    const rest = this.#retry === null ? 0 : this.#chunk.length - this.#pos;
    return this.#lineLength + this.#bodyBytes + this.#queuedBytes + rest;
  }

  /**
   * Takes the next bytes from the client. While an operation is held they are kept for later.
   * @throws {GatewayError} for anything that is no operation; the parser ignores all input after that
   */
  push(chunk: Buffer): void {
    if (this.#isDead) return;
    if (this.#retry !== null) {
      this.#queue.push(chunk);
      this.#queuedBytes += chunk.length;
      return;
    }
    this.#guarded(() => this.#run(chunk, 0));
  }

  /** Offers the held operation again and goes on. @throws {GatewayError} as `push` */
  resume(): void {
    if (this.#isDead || this.#retry === null) return;
    this.#guarded(() => this.#goOn());
  }

  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#isDead = true;
      this.#release();
      throw error;
    }
  }

  #release(): void {
    this.#retry = null;
    this.#chunk = EMPTY;
    this.#pos = 0;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#line = EMPTY;
    this.#lineLength = 0;
    this.#body = [];
    this.#bodyBytes = 0;
  }

  #goOn(): void {
    if (this.#retry !== null && !this.#retry()) return;
    this.#retry = null;
    const chunk = this.#chunk;
    this.#chunk = EMPTY;
    this.#run(chunk, this.#pos);
    while (this.#retry === null) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#queuedBytes -= next.length;
      this.#run(next, 0);
    }
  }

  #hold(retry: () => boolean, chunk: Buffer, pos: number): void {
    this.#retry = retry;
    this.#chunk = chunk;
    this.#pos = pos;
  }

  /** Parses until the chunk is used up or an operation is held. */
  #run(chunk: Buffer, from: number): void {
    let pos = from;
    while (pos < chunk.length && this.#retry === null) {
      if (this.#missing > 0) pos = this.#continueBody(chunk, pos);
      else if (this.#skipping !== null) pos = this.#skipLine(chunk, pos, this.#skipping);
      else if (this.#lineLength > 0) pos = this.#continueLine(chunk, pos);
      else pos = this.#beginLine(chunk, pos);
    }
  }

  #beginLine(chunk: Buffer, pos: number): number {
    const end = lineEnd(chunk, pos);
    if (end !== -1) return this.#parseLine(chunk, pos, end, chunk, end + 1);
    this.#keepLine(chunk, pos);
    return chunk.length;
  }

  /** Appends to a line that has begun in an earlier chunk. */
  #continueLine(chunk: Buffer, pos: number): number {
    const end = chunk.indexOf(LF, pos);
    if (end === -1) {
      this.#keepLine(chunk, pos);
      return chunk.length;
    }
    this.#append(chunk, pos, end + 1);
    const line = this.#line.subarray(0, this.#lineLength);
    this.#line = EMPTY;
    this.#lineLength = 0;
    return this.#parseLine(line, 0, line.length - 1, chunk, end + 1);
  }

  #keepLine(chunk: Buffer, pos: number): void {
    this.#append(chunk, pos, chunk.length);
    const verb = findVerb(this.#line, 0, this.#lineLength);
    if (verb === null) return;
    if (verb.ignoresRest) {
      this.#skipping = verb;
      this.#line = EMPTY;
      this.#lineLength = 0;
      return;
    }
    const start = skipBlanks(this.#line, verb.name.length, this.#lineLength);
    const end = this.#line[this.#lineLength - 1] === CR ? this.#lineLength - 1 : this.#lineLength;
    this.#checkLineLength(end - start);
  }

  #append(chunk: Buffer, start: number, end: number): void {
    const needed = this.#lineLength + end - start;
    if (needed > this.#line.length) {
      // Doubling keeps a line that comes byte by byte linear.
      const grown = Buffer.allocUnsafe(Math.max(64, needed, this.#line.length * 2));
      this.#line.copy(grown, 0, 0, this.#lineLength);
      this.#line = grown;
    }
    chunk.copy(this.#line, this.#lineLength, start, end);
    this.#lineLength = needed;
  }

  #skipLine(chunk: Buffer, pos: number, verb: VerbShape): number {
    const end = chunk.indexOf(LF, pos);
    if (end === -1) return chunk.length;
    this.#skipping = null;
    this.#take(verb.verb, chunk, end + 1);
    return end + 1;
  }

  /** A whole line `line[start, end)`; what follows it begins at `chunk[next]`. @returns where to go on */
  #parseLine(line: Buffer, start: number, end: number, chunk: Buffer, next: number): number {
    const verb = findVerb(line, start, end);
    if (verb === null) throw unknownOperation();
    if (verb.ignoresRest) {
      this.#take(verb.verb, chunk, next);
      return next;
    }
    const from = skipBlanks(line, start + verb.name.length, end);
    const to = end > from && line[end - 1] === CR ? end - 1 : end;
    this.#checkLineLength(to - from);
    switch (verb.verb) {
      case 'pub':
        return this.#parsePublish(line, from, to, chunk, next, false);
      case 'hpub':
        return this.#parsePublish(line, from, to, chunk, next, true);
      case 'sub':
        this.#parseSubscribe(line, from, to, chunk, next);
        return next;
      case 'unsub':
        this.#parseUnsubscribe(line, from, to, chunk, next);
        return next;
      case 'connect':
        this.#offer(() => this.#owner.onConnect(line, from, to), chunk, next);
        return next;
      case 'info':
        checkInfo(line, from, to);
        return next;
      default:
        throw new GatewayError('GW_CLIENT_SENT_ERR', 'the client sent -ERR');
    }
  }

  #checkLineLength(bytes: number): void {
    if (bytes <= this.#maxControlLine) return;
    const context = { limit: this.#maxControlLine };
    throw new GatewayError('GW_PARSE_CONTROL_LINE', 'control line too long', { context });
  }

  #take(verb: Verb, chunk: Buffer, next: number): void {
    if (verb === 'ping') this.#offer(() => this.#owner.onPing(), chunk, next);
    else if (verb === 'pong') this.#offer(() => this.#owner.onPong(), chunk, next);
  }

  #offer(take: () => boolean, chunk: Buffer, next: number): void {
    if (!take()) this.#hold(take, chunk, next);
  }

  #parsePublish(line: Buffer, from: number, to: number, chunk: Buffer, next: number, hasHeaders: boolean): number {
    if (hasHeaders && !this.#owner.hasHeaders) throw badArguments('HPUB without headers in CONNECT');
    const sizes = hasHeaders ? 2 : 1;
    const count = this.#split(line, from, to, false);
    if (count !== sizes + 1 && count !== sizes + 2) throw badArguments('wrong number of arguments');
    const tokens = this.#tokens;
    const op = this.#publish;
    op.line = line;
    op.subjectStart = tokens[0] as number;
    op.subjectEnd = tokens[1] as number;
    const hasReply = count === sizes + 2;
    op.replyStart = hasReply ? (tokens[2] as number) : op.subjectEnd;
    op.replyEnd = hasReply ? (tokens[3] as number) : op.subjectEnd;
    const last = (count - 1) * 2;
    const total = parseNumber(line, tokens[last] as number, tokens[last + 1] as number);
    const header = hasHeaders ? parseNumber(line, tokens[last - 2] as number, tokens[last - 1] as number) : 0;
    if (total === -1 || header === -1 || header > total) throw badArguments('a size is not a number or out of range');
    if (total > this.#owner.maxPayloadBytes) {
      const context = { limit: this.#owner.maxPayloadBytes };
      throw new GatewayError('GW_MAX_PAYLOAD', 'payload too large', { context });
    }
    this.#headerBytes = header;
    this.#totalBytes = total;
    return this.#beginBody(line, chunk, next);
  }

  #beginBody(line: Buffer, chunk: Buffer, next: number): number {
    const end = next + this.#totalBytes;
    if (end < chunk.length && chunk[end] !== CR) throw unknownOperation();
    if (end + 1 < chunk.length) {
      if (chunk[end + 1] !== LF) throw unknownOperation();
      this.#offerPublish(chunk, next, chunk, end + 2);
      return end + 2;
    }
    const total = this.#totalBytes;
    const take = () => {
      if (!this.#owner.onPublishIncomplete(total)) return false;
      this.#keepArguments(line);
      this.#missing = total + 2;
      return true;
    };
    if (!take()) this.#hold(take, chunk, next);
    return next;
  }

  /** The chunk with the control line is not to be kept alive for the sake of its names. */
  #keepArguments(line: Buffer): void {
    const op = this.#publish;
    const from = op.subjectStart;
    const to = Math.max(op.subjectEnd, op.replyEnd);
    op.line = Buffer.from(line.subarray(from, to));
    op.subjectStart -= from;
    op.subjectEnd -= from;
    op.replyStart -= from;
    op.replyEnd -= from;
  }

  #continueBody(chunk: Buffer, pos: number): number {
    const end = Math.min(chunk.length, pos + this.#missing);
    const before = this.#totalBytes + 2 - this.#missing;
    this.#missing -= end - pos;
    // The two bytes behind the payload: told apart as soon as they come.
    const lineEndAt = pos + this.#totalBytes - before;
    if (lineEndAt >= pos && lineEndAt < end && chunk[lineEndAt] !== CR) throw unknownOperation();
    if (this.#missing === 0 && chunk[end - 1] !== LF) throw unknownOperation();
    const payloadEnd = Math.min(end, lineEndAt);
    if (payloadEnd > pos) {
      this.#body.push(chunk.subarray(pos, payloadEnd));
      this.#bodyBytes += payloadEnd - pos;
    }
    if (this.#missing > 0) return end;
    const [only] = this.#body;
    const body = this.#body.length === 1 && only !== undefined ? only : Buffer.concat(this.#body);
    this.#body = [];
    this.#bodyBytes = 0;
    this.#offerPublish(body, 0, chunk, end);
    return end;
  }

  #offerPublish(body: Buffer, start: number, chunk: Buffer, next: number): void {
    const op = this.#publish;
    op.body = body;
    op.headerStart = start;
    op.payloadStart = start + this.#headerBytes;
    op.payloadEnd = start + this.#totalBytes;
    if (!this.#owner.onPublish(op)) this.#hold(() => this.#owner.onPublish(op), chunk, next);
  }

  #parseSubscribe(line: Buffer, from: number, to: number, chunk: Buffer, next: number): void {
    const count = this.#split(line, from, to, true);
    if (count !== 2 && count !== 3) throw badArguments('wrong number of arguments');
    const tokens = this.#tokens;
    const op = this.#subscribe;
    const last = (count - 1) * 2;
    op.line = line;
    op.subjectStart = tokens[0] as number;
    op.subjectEnd = tokens[1] as number;
    op.queueStart = count === 3 ? (tokens[2] as number) : op.subjectEnd;
    op.queueEnd = count === 3 ? (tokens[3] as number) : op.subjectEnd;
    op.sidStart = tokens[last] as number;
    op.sidEnd = tokens[last + 1] as number;
    this.#offer(() => this.#owner.onSubscribe(op), chunk, next);
  }

  #parseUnsubscribe(line: Buffer, from: number, to: number, chunk: Buffer, next: number): void {
    const count = this.#split(line, from, to, true);
    if (count !== 1 && count !== 2) throw badArguments('wrong number of arguments');
    const tokens = this.#tokens;
    const op = this.#unsubscribe;
    op.line = line;
    op.sidStart = tokens[0] as number;
    op.sidEnd = tokens[1] as number;
    // What is not a number ends the subscription at once, as in nats-server.
    op.max = count === 2 ? Math.max(0, parseNumber(line, tokens[2] as number, tokens[3] as number)) : 0;
    this.#offer(() => this.#owner.onUnsubscribe(op), chunk, next);
  }

  /** Token bounds into `#tokens`. @returns how many, or one more than any operation has */
  #split(line: Buffer, from: number, to: number, isCrBlank: boolean): number {
    const tokens = this.#tokens;
    let count = 0;
    let start = -1;
    for (let i = from; i < to; i++) {
      const byte = line[i];
      if (byte === SPACE || byte === TAB || (isCrBlank && byte === CR)) {
        if (start !== -1) {
          if (count === MAX_TOKENS) return count;
          tokens[count * 2] = start;
          tokens[count * 2 + 1] = i;
          count++;
          start = -1;
        }
      } else if (start === -1) start = i;
    }
    if (start === -1 || count === MAX_TOKENS) return count;
    tokens[count * 2] = start;
    tokens[count * 2 + 1] = to;
    return count + 1;
  }
}

/** Most lines are short: a loop beats the call into native code. */
const SHORT_LINE_BYTES = 48;

function lineEnd(chunk: Buffer, pos: number): number {
  const near = Math.min(chunk.length, pos + SHORT_LINE_BYTES);
  for (let i = pos; i < near; i++) if (chunk[i] === LF) return i;
  return near === chunk.length ? -1 : chunk.indexOf(LF, near);
}

function skipBlanks(line: Buffer, from: number, to: number): number {
  let at = from;
  while (at < to && isBlank(line[at])) at++;
  return at;
}

/**
 * The operation that `line[start, end)` begins with; null while it may still become one.
 * @throws {GatewayError} `GW_PARSE_UNKNOWN_OPERATION` as soon as it cannot
 */
function findVerb(line: Buffer, start: number, end: number): VerbShape | null {
  let isPrefix = false;
  for (const verb of VERBS) {
    const { name } = verb;
    let i = 0;
    while (i < name.length && start + i < end && ((line[start + i] as number) | LOWER) === (name[i] as number)) i++;
    if (i < name.length) {
      if (start + i === end) isPrefix = true;
      continue;
    }
    if (!verb.needsBlank) return verb;
    if (start + i < end && isBlank(line[start + i])) return verb;
    if (start + i < end) throw unknownOperation();
    isPrefix = true;
  }
  if (!isPrefix) throw unknownOperation();
  return null;
}

/** 1 to 9 digits; -1 for anything else. */
function parseNumber(line: Buffer, start: number, end: number): number {
  if (end === start || end - start > MAX_NUMBER_DIGITS) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = (line[i] as number) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** nats-server reads INFO from routes; a client's must at least be JSON. */
function checkInfo(line: Buffer, from: number, to: number): void {
  try {
    JSON.parse(line.toString('utf8', from, to));
  } catch (cause) {
    throw new GatewayError('GW_CONNECT_JSON', 'INFO is not JSON', { cause });
  }
}

function unknownOperation(): GatewayError {
  return new GatewayError('GW_PARSE_UNKNOWN_OPERATION', 'not an operation');
}

function badArguments(message: string): GatewayError {
  return new GatewayError('GW_PARSE_ARGUMENTS', message);
}
