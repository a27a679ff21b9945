/**
 * Operations from server to client, written into an output buffer, and the texts inside `-ERR`.
 * Must not know when an operation is due, nor how the buffer gets to the client.
 */

import type { ByteRange } from '../util/byte-range.ts';
import type { OutputBuffer } from '../util/output-buffer.ts';
import type { ServerInfo } from './operations.ts';

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;

const PING = Buffer.from('PING\r\n');
const PONG = Buffer.from('PONG\r\n');
const OK = Buffer.from('+OK\r\n');
const MSG = Buffer.from('MSG ');
const HMSG = Buffer.from('HMSG ');

/** INFO; clients look for the line end behind a blank, as nats-server sends it. */
export function writeInfo(out: OutputBuffer, info: ServerInfo): void {
  out.appendText(`INFO ${JSON.stringify(info)} \r\n`);
}

/** PING, which the client owes a PONG. */
export function writePing(out: OutputBuffer): void {
  out.appendBytes(PING, 0, PING.length);
}

/** PONG; exactly one for each PING of the client. */
export function writePong(out: OutputBuffer): void {
  out.appendBytes(PONG, 0, PONG.length);
}

/** `+OK`, for verbose clients. */
export function writeOk(out: OutputBuffer): void {
  out.appendBytes(OK, 0, OK.length);
}

/** `-ERR`. @param text without quotes around it and without line breaks: client input goes through {@link quoted} */
export function writeErr(out: OutputBuffer, text: string): void {
  out.appendText(`-ERR '${text}'\r\n`);
}

/**
 * MSG. Subject, sid and reply go out as they are: they must hold no blanks and no line breaks.
 * @param reply null for none
 * @param body holds the payload; kept by reference when large, so it must not change any more
 */
export function writeMsg(
  out: OutputBuffer,
  subject: Buffer,
  sid: Buffer,
  reply: Buffer | null,
  body: Buffer,
  payloadStart: number,
  payloadEnd: number,
): void {
  const size = payloadEnd - payloadStart;
  const digits = digitCount(size);
  out.ensure(MSG.length + namesLength(subject, sid, reply) + digits + 2);
  out.appendBytes(MSG, 0, MSG.length);
  appendNames(out, subject, sid, reply);
  appendDecimal(out, size, digits);
  appendLineEnd(out);
  out.appendBytes(body, payloadStart, payloadEnd);
  out.ensure(2);
  appendLineEnd(out);
}

/** HMSG. As {@link writeMsg}. @param headers a whole header block, its empty line included; copied */
export function writeHmsg(
  out: OutputBuffer,
  subject: Buffer,
  sid: Buffer,
  reply: Buffer | null,
  headers: Readonly<ByteRange>,
  body: Buffer,
  payloadStart: number,
  payloadEnd: number,
): void {
  const headerSize = headers.end - headers.start;
  const size = headerSize + payloadEnd - payloadStart;
  const headerDigits = digitCount(headerSize);
  const digits = digitCount(size);
  out.ensure(HMSG.length + namesLength(subject, sid, reply) + headerDigits + 1 + digits + 2);
  out.appendBytes(HMSG, 0, HMSG.length);
  appendNames(out, subject, sid, reply);
  appendDecimal(out, headerSize, headerDigits);
  out.buf[out.pos++] = SPACE;
  appendDecimal(out, size, digits);
  appendLineEnd(out);
  out.appendCopy(headers.buffer, headers.start, headers.end);
  out.appendBytes(body, payloadStart, payloadEnd);
  out.ensure(2);
  appendLineEnd(out);
}

function namesLength(subject: Buffer, sid: Buffer, reply: Buffer | null): number {
  return subject.length + sid.length + 2 + (reply === null ? 0 : reply.length + 1);
}

function appendNames(out: OutputBuffer, subject: Buffer, sid: Buffer, reply: Buffer | null): void {
  out.appendBytes(subject, 0, subject.length);
  out.buf[out.pos++] = SPACE;
  out.appendBytes(sid, 0, sid.length);
  out.buf[out.pos++] = SPACE;
  if (reply === null) return;
  out.appendBytes(reply, 0, reply.length);
  out.buf[out.pos++] = SPACE;
}

function appendLineEnd(out: OutputBuffer): void {
  out.buf[out.pos++] = CR;
  out.buf[out.pos++] = LF;
}

function digitCount(value: number): number {
  let digits = 1;
  for (let bound = 10; bound <= value; bound *= 10) digits++;
  return digits;
}

function appendDecimal(out: OutputBuffer, value: number, digits: number): void {
  const { buf, pos } = out;
  let rest = value;
  for (let at = pos + digits - 1; at >= pos; at--) {
    const next = Math.trunc(rest / 10);
    buf[at] = 0x30 + rest - next * 10;
    rest = next;
  }
  out.pos = pos + digits;
}

/** `-ERR` text for a publication the client may not make. Client libraries take the subject from the quotes. */
export function permissionsPublish(subject: string | Buffer): string {
  return `Permissions Violation for Publish to ${quoted(subject)}`;
}

/** `-ERR` text for a publication whose reply subject is not allowed. */
export function permissionsPublishReply(reply: string | Buffer): string {
  return `Permissions Violation for Publish with Reply of ${quoted(reply)}`;
}

/** `-ERR` text for a refused subscription. @param queue empty or absent for none */
export function permissionsSubscription(subject: string | Buffer, queue?: string | Buffer): string {
  const text = `Permissions Violation for Subscription to ${quoted(subject)}`;
  return queue === undefined || queue.length === 0 ? text : `${text} using queue ${quoted(queue)}`;
}

/** Letters, marks, numbers, punctuation and symbols, as in Go's `unicode.IsPrint`; of the blanks only U+0020. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
};

/**
 * A name in double quotes as Go's `%q` prints it, which is what nats-server puts into `-ERR`.
 * The result holds no control characters: nothing a client sends can end the line early.
 */
export function quoted(text: string | Buffer): string {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  let result = '"';
  for (let at = 0; at < bytes.length; ) {
    const size = utf8Size(bytes, at);
    result += size === 0 ? `\\x${hex(bytes[at] ?? 0, 2)}` : escaped(bytes.toString('utf8', at, at + size));
    at += Math.max(size, 1);
  }
  return `${result}"`;
}

function escaped(character: string): string {
  const short = SHORT_ESCAPES[character];
  if (short !== undefined) return short;
  if (PRINTABLE.test(character)) return character;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${hex(code, 2)}`;
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}

/** Length of the UTF-8 sequence that begins at `at`; 0 if it is none. @see RFC 3629 §4 */
function utf8Size(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const size = announcedSize(first);
  for (let i = 1; i < size; i++) if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return 0;
  return hasNarrowSecond(first, bytes[at + 1] ?? 0) ? size : 0;
}

function announcedSize(first: number): number {
  if (first < 0xc2 || first > 0xf4) return 0;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}

/** Keeps out overlong forms, surrogates and everything above U+10FFFF. */
function hasNarrowSecond(first: number, second: number): boolean {
  if (first === 0xe0) return second >= 0xa0;
  if (first === 0xed) return second <= 0x9f;
  if (first === 0xf0) return second >= 0x90;
  return first !== 0xf4 || second <= 0x8f;
}
