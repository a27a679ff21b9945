/**
 * The text of public NATS keys: base32 of a kind byte, the Ed25519 key and a checksum. Must not know signatures,
 * tokens, or whom a key belongs to. Seeds never reach the gateway, so there is nothing here to read them.
 */

/** Who a key can belong to, with the byte that its text begins with. @see NATS nkeys: prefix bytes */
const KIND_BYTES = {
  user: 0xa0, // U
  account: 0x00, // A
  operator: 0x70, // O
} as const;

/** Kinds of keys that take part in authentication. */
export type NkeyKind = keyof typeof KIND_BYTES;

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const KEY_BYTES = 32;
const RAW_BYTES = 1 + KEY_BYTES + 2;
/** 280 bits in groups of five: no bits are left over, so that a key has one spelling only. */
const TEXT_LENGTH = 56;

/**
 * The Ed25519 public key behind a text such as `UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4`.
 * @returns null for another kind, a wrong length, letter or checksum
 */
export function decodeNkey(text: string, kind: NkeyKind): Buffer | null {
  if (text.length !== TEXT_LENGTH) return null;
  const raw = decodeBase32(text);
  if (raw === null || raw[0] !== KIND_BYTES[kind]) return null;
  const body = raw.subarray(0, RAW_BYTES - 2);
  return raw.readUInt16LE(RAW_BYTES - 2) === crc16(body) ? body.subarray(1) : null;
}

/** Whether a text is a public key of this kind. */
export function isNkey(text: unknown, kind: NkeyKind): boolean {
  return typeof text === 'string' && decodeNkey(text, kind) !== null;
}

/**
 * The text of a public key.
 * @param key 32 bytes
 */
export function encodeNkey(key: Uint8Array, kind: NkeyKind): string {
  const raw = Buffer.alloc(RAW_BYTES);
  raw[0] = KIND_BYTES[kind];
  raw.set(key, 1);
  raw.writeUInt16LE(crc16(raw.subarray(0, RAW_BYTES - 2)), RAW_BYTES - 2);
  return encodeBase32(raw);
}

function decodeBase32(text: string): Buffer | null {
  const bytes = Buffer.alloc(RAW_BYTES);
  let bits = 0;
  let count = 0;
  let at = 0;
  for (const letter of text) {
    const value = ALPHABET.indexOf(letter);
    if (value === -1) return null;
    bits = ((bits << 5) | value) & 0xfff;
    count += 5;
    if (count >= 8) {
      count -= 8;
      bytes[at++] = bits >> count;
    }
  }
  return bytes;
}

function encodeBase32(bytes: Buffer): string {
  let text = '';
  let bits = 0;
  let count = 0;
  for (const byte of bytes) {
    bits = ((bits << 8) | byte) & 0xfff;
    count += 8;
    while (count >= 5) {
      count -= 5;
      text += ALPHABET[(bits >> count) & 31];
    }
  }
  return text;
}

/** CRC-16/XMODEM: polynomial 0x1021, start 0. */
function crc16(bytes: Buffer): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc;
}
