/**
 * NATS header blocks to MQTT 5 user properties and back.
 * A block that properties can hold exactly becomes properties; every other one also travels as raw bytes in the
 * reserved property `nmg-headers`, so that gateways lose nothing. Values from either side are hostile.
 */
import type { PublicationProperties, UserProperties } from '../mqtt/publication.ts';
import { isTooLong, stringFault } from '../mqtt/topic.ts';
import { survivesObject } from '../mqtt/user-properties.ts';
import {
  CONTENT_TYPE_HEADER,
  CORRELATION_HEADER,
  type ControlFields,
  ControlReader,
  RETAINED_HEADER,
} from './control-headers.ts';
import { decodeUtf8Strict } from './utf8.ts';

/** Names that begin like this are the gateways' own: never taken from clients, never shown to them. */
export const RESERVED_PREFIX = 'nmg-';

/** Property with the token of the connection that published, for `echo: false`. */
export const ORIGIN_PROPERTY = 'nmg-origin';

/** Property with a raw header block in base64url; repeated for long ones. */
const RAW_PROPERTY = 'nmg-headers';

/** Some brokers disconnect above 51 user properties; origin and two raw parts must fit too. */
export const MAX_LINES = 48;

/** Most user properties of a message. */
const MAX_PROPERTIES = 51;

/** Characters per raw part: below the limit of an MQTT string, and a multiple of 4. */
const RAW_PART_LENGTH = 60_000;

/** Readable copies beside a raw block are a courtesy to devices and must not double a large packet. */
const MAX_READABLE_LENGTH = 16_384;

/** Largest block taken from the MQTT side; nats-server's default `max_payload`, which counts headers too. */
export const MAX_BLOCK_BYTES = 1_048_576;

const VERSION = 'NATS/1.0';
const CRLF = '\r\n';

/** Printable ASCII without blank and colon. @see NATS ADR-4 */
const HEADER_NAME = /^[!-9;-~]+$/;

/** Headers of a PUB on their way to the broker. */
export interface OutboundHeaders {
  /** Name, value, name, value …; not empty. The caller may append {@link ORIGIN_PROPERTY}. */
  readonly userProperties: string[];
  /** Null when no control header was found, or none was looked for. */
  readonly control: ControlFields | null;
  /** Control headers with an invalid value. */
  readonly ignoredControls: number;
  /** The block did not fit into properties exactly. */
  readonly isRaw: boolean;
}

/** Headers of a message from the broker. */
export interface InboundHeaders {
  /** `NATS/1.0 … CR LF CR LF`, or null when there is nothing to deliver. */
  readonly block: Buffer | null;
  /** Token of the publishing connection, or null. */
  readonly origin: string | null;
  /** Properties that no header can hold, and raw blocks that cannot be decoded or are too large. */
  readonly dropped: number;
}

/** How the properties travel on: in MQTT.js's object, which cannot hold every list, or as a list. */
export type PropertyForm = 'object' | 'list';

/**
 * The header block `body[start, end)` as user properties; null for an empty range.
 * @param controlHeaders whether `Mqtt-…` headers are to be read
 */
export function headersToProperties(
  body: Buffer,
  start: number,
  end: number,
  controlHeaders: boolean,
  form: PropertyForm,
): OutboundHeaders | null {
  if (start >= end) return null;
  const control = new ControlReader();
  const utf8 = decodeUtf8Strict(body, start, end);
  // Bytes that are no text: lines of plain ASCII among them can still be shown.
  const text = utf8 ?? body.toString('latin1', start, end);
  const lines = readBlock(text, utf8 === null, controlHeaders ? control : null);
  const isRaw = utf8 === null || !lines.isExact || (form === 'object' && !survivesObject(lines.list));
  const userProperties = isRaw ? withRaw(lines.list, body, start, end) : lines.list;
  return { userProperties, control: control.fields, ignoredControls: control.ignored, isRaw };
}

interface BlockLines {
  readonly list: string[];
  /** Writing the list as a block gives the same text again. */
  readonly isExact: boolean;
}

function readBlock(text: string, isAsciiOnly: boolean, control: ControlReader | null): BlockLines {
  const list: string[] = [];
  if (!text.startsWith(VERSION)) return { list, isExact: false };
  let isExact = text.startsWith(CRLF, VERSION.length);
  const firstEol = text.indexOf(CRLF);
  if (firstEol === -1) return { list, isExact: false };
  let at = firstEol + CRLF.length;
  for (;;) {
    const eol = text.indexOf(CRLF, at);
    if (eol === -1) return { list, isExact: false };
    if (eol === at) break;
    const isTaken = readLine(text, at, eol, isAsciiOnly, list, control);
    isExact = isExact && isTaken;
    at = eol + CRLF.length;
  }
  // A block without lines would be no property at all, and the header block would be gone on the other side.
  return { list, isExact: isExact && list.length > 0 && at + CRLF.length === text.length };
}

/** Appends one line to the list if a property can show it; true when that is exact as well. */
function readLine(
  text: string,
  start: number,
  eol: number,
  isAsciiOnly: boolean,
  list: string[],
  control: ControlReader | null,
): boolean {
  // Cut first: looking for a colon in the whole block would cost its length once per line without one.
  const line = text.slice(start, eol);
  const colon = line.indexOf(':');
  if (colon === -1) return false;
  const name = line.slice(0, colon);
  const hasBlank = line[colon + 1] === ' ';
  const value = line.slice(hasBlank ? colon + 2 : colon + 1);
  if (isAsciiOnly && !isAscii(value)) return false;
  control?.read(name, value);
  const isShown = list.length < MAX_LINES * 2 && isPropertyName(name) && isPropertyValue(value);
  if (isShown) list.push(name, value);
  return isShown && hasBlank;
}

function isPropertyName(name: string): boolean {
  return HEADER_NAME.test(name) && !name.startsWith(RESERVED_PREFIX) && !isTooLong(name);
}

function isPropertyValue(value: string): boolean {
  return stringFault(value) === null && !isTooLong(value);
}

function isAscii(text: string): boolean {
  return !/[^ -~]/.test(text);
}

function withRaw(readable: UserProperties, body: Buffer, start: number, end: number): string[] {
  const list: string[] = [];
  const raw = body.toString('base64url', start, end);
  // One of them is for the origin.
  const maxLines = MAX_PROPERTIES - 1 - Math.ceil(raw.length / RAW_PART_LENGTH);
  let left = MAX_READABLE_LENGTH;
  for (let i = 0; i + 1 < readable.length && i < maxLines * 2; i += 2) {
    const name = readable[i] ?? '';
    const value = readable[i + 1] ?? '';
    left -= name.length + value.length;
    if (left < 0) break;
    if (name !== '__proto__') list.push(name, value);
  }
  for (let at = 0; at < raw.length; at += RAW_PART_LENGTH) {
    list.push(RAW_PROPERTY, raw.slice(at, at + RAW_PART_LENGTH));
  }
  return list;
}

/**
 * The properties of a message as a header block; null when there is nothing to look at.
 * Framing is safe whatever arrives: the caller announces the length of the block as built here.
 * @param isRetained the message is a retained one (`Mqtt-Retained: true`)
 */
export function propertiesToHeaders(
  properties: PublicationProperties | null,
  isRetained: boolean,
): InboundHeaders | null {
  if (!isRetained && (properties === null || !hasHeaderFields(properties))) return null;
  const builder = new BlockBuilder();
  if (properties?.userProperties !== undefined) builder.addProperties(properties.userProperties);
  const raw = builder.rawBlock();
  if (raw !== null) {
    const block = isRetained ? markRetained(raw) : raw;
    return { block, origin: builder.origin, dropped: builder.dropped };
  }
  if (properties?.contentType !== undefined) builder.setField(CONTENT_TYPE_HEADER, properties.contentType);
  if (properties?.correlationData !== undefined && properties.responseTopic === undefined) {
    builder.setField(CORRELATION_HEADER, properties.correlationData.toString('base64url'));
  }
  if (isRetained) builder.setField(RETAINED_HEADER, 'true');
  return { block: builder.block(), origin: builder.origin, dropped: builder.dropped };
}

function hasHeaderFields(properties: PublicationProperties): boolean {
  return (
    properties.userProperties !== undefined ||
    properties.contentType !== undefined ||
    (properties.correlationData !== undefined && properties.responseTopic === undefined)
  );
}

/** Sorts the properties of one message. */
class BlockBuilder {
  origin: string | null = null;
  dropped = 0;
  readonly #lines: string[] = [];
  #length = 0;
  #raw: string | null = null;

  addProperties(list: UserProperties): void {
    for (let i = 0; i + 1 < list.length; i += 2) {
      const name = list[i] ?? '';
      const value = list[i + 1] ?? '';
      if (!name.startsWith(RESERVED_PREFIX)) this.#addLine(name, value);
      else if (name === ORIGIN_PROPERTY) this.origin = value;
      else if (name === RAW_PROPERTY) this.#raw = (this.#raw ?? '') + value;
    }
  }

  /** The raw form, if it came. A device may have made it up, but so may any NATS client: no server checks blocks. */
  rawBlock(): Buffer | null {
    if (this.#raw === null) return null;
    const block = decodeRaw(this.#raw);
    if (block === null) this.dropped++;
    return block;
  }

  /** Sets a header from a field of the message; properties of that name give way, unless one says the same. */
  setField(name: string, value: string): void {
    const lines = this.#lines;
    const same: number[] = [];
    for (let i = 0; i < lines.length; i += 2) {
      if (lines[i]?.toLowerCase() === name.toLowerCase()) same.push(i);
    }
    if (same.some((i) => lines[i + 1] === value)) return;
    for (const i of same.reverse()) lines.splice(i, 2);
    this.#addLine(name, value);
  }

  block(): Buffer | null {
    const lines = this.#lines;
    if (lines.length === 0) return null;
    let text = VERSION + CRLF;
    for (let i = 0; i < lines.length; i += 2) text += `${lines[i]}: ${lines[i + 1]}${CRLF}`;
    return Buffer.from(text + CRLF);
  }

  /** A CR or LF in a value would begin a header of the sender's choice. */
  #addLine(name: string, value: string): void {
    const length = this.#length + name.length + value.length + 4;
    if (length * 3 > MAX_BLOCK_BYTES || !HEADER_NAME.test(name) || /[\r\n]/.test(value)) {
      this.dropped++;
      return;
    }
    this.#length = length;
    this.#lines.push(name, value);
  }
}

function decodeRaw(raw: string): Buffer | null {
  if (raw.length * 3 > MAX_BLOCK_BYTES * 4 + 8 || !/^[\w-]+$/.test(raw)) return null;
  const block = Buffer.from(raw, 'base64url');
  return block.length <= MAX_BLOCK_BYTES ? block : null;
}

/** Whether a line can be added at the end. */
function isHeaderBlock(block: Buffer): boolean {
  return (
    block.toString('latin1', 0, VERSION.length) === VERSION &&
    block.toString('latin1', block.length - 4) === CRLF + CRLF
  );
}

/** Adds `Mqtt-Retained: true` behind the last line of a raw block that has no such header. */
function markRetained(block: Buffer): Buffer {
  const name = `${CRLF}${RETAINED_HEADER}:`.toLowerCase();
  if (!isHeaderBlock(block) || block.toString('latin1').toLowerCase().includes(name)) return block;
  const line = Buffer.from(`${RETAINED_HEADER}: true${CRLF}`);
  return Buffer.concat([block.subarray(0, -CRLF.length), line, block.subarray(-CRLF.length)]);
}
