/**
 * Operations from server to client, written into an output buffer, and the texts inside `-ERR`.
 * Must not know when an operation is due, nor how the buffer gets to the client.
 */

import type { ByteRange } from '../util/byte-range.ts';
import { copyBytes, type OutputBuffer } from '../util/output-buffer.ts';
import type { ServerInfo } from './operations.ts';

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;

const PING = Buffer.from('PING\r\n');
const PONG = Buffer.from('PONG\r\n');
const OK = Buffer.from('+OK\r\n');
const HMSG = Buffer.from('HMSG ');

/** Four stores cost less than a loop over four bytes. */
const MSG_BYTES = 4;
const LETTER_M = 0x4d;
const LETTER_S = 0x53;
const LETTER_G = 0x47;

/** A payload up to this size goes into a slab in one piece with what is around it; the end of a slab may stay unused. */
export const SMALL_BYTES = 1024;

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
  const isSmall = size <= SMALL_BYTES;
  out.ensure(MSG_BYTES + namesLength(subject, sid, reply) + digits + 4 + (isSmall ? size : 0));
  const { buf } = out;
  let pos = out.pos;
  buf[pos] = LETTER_M;
  buf[pos + 1] = LETTER_S;
  buf[pos + 2] = LETTER_G;
  buf[pos + 3] = SPACE;
  pos = putNames(buf, pos + MSG_BYTES, subject, sid, reply);
  pos = putLineEnd(buf, putDecimal(buf, pos, size, digits));
  out.pos = pos;
  out.appendBytes(body, payloadStart, payloadEnd);
  if (!isSmall) out.ensure(2);
  out.pos = putLineEnd(out.buf, out.pos);
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
  const { buf } = out;
  let pos = copyBytes(HMSG, 0, HMSG.length, buf, out.pos);
  pos = putNames(buf, pos, subject, sid, reply);
  pos = putDecimal(buf, pos, headerSize, headerDigits);
  buf[pos] = SPACE;
  out.pos = putLineEnd(buf, putDecimal(buf, pos + 1, size, digits));
  out.appendCopy(headers.buffer, headers.start, headers.end);
  out.appendBytes(body, payloadStart, payloadEnd);
  out.ensure(2);
  out.pos = putLineEnd(out.buf, out.pos);
}

function namesLength(subject: Buffer, sid: Buffer, reply: Buffer | null): number {
  return subject.length + sid.length + 2 + (reply === null ? 0 : reply.length + 1);
}

function putNames(buf: Buffer, start: number, subject: Buffer, sid: Buffer, reply: Buffer | null): number {
  let pos = copyBytes(subject, 0, subject.length, buf, start);
  buf[pos] = SPACE;
  pos = copyBytes(sid, 0, sid.length, buf, pos + 1);
  buf[pos] = SPACE;
  if (reply === null) return pos + 1;
  pos = copyBytes(reply, 0, reply.length, buf, pos + 1);
  buf[pos] = SPACE;
  return pos + 1;
}

function putLineEnd(buf: Buffer, pos: number): number {
  buf[pos] = CR;
  buf[pos + 1] = LF;
  return pos + 2;
}

function digitCount(value: number): number {
  let digits = 1;
  for (let bound = 10; bound <= value; bound *= 10) digits++;
  return digits;
}

function putDecimal(buf: Buffer, pos: number, value: number, digits: number): number {
  let rest = value;
  for (let at = pos + digits - 1; at >= pos; at--) {
    const next = Math.trunc(rest / 10);
    buf[at] = 0x30 + rest - next * 10;
    rest = next;
  }
  return pos + digits;
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

/** `-ERR` text for a subscription that is no longer allowed. */
export function permissionsSubscriptionRemoved(subject: Buffer, queue: Buffer, sid: Buffer): string {
  return `${permissionsSubscription(subject, queue)} (sid ${quoted(sid)})`;
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
