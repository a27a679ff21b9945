/**
 * Ed25519 signatures by NATS keys: over the nonce of a connection, and over tokens. Must not know whose key is trusted.
 */
import { createPublicKey, verify } from 'node:crypto';
import { decodeNkey, type NkeyKind } from '../nats/nkey.ts';

/** DER of a public key in front of its 32 bytes. @see RFC 8410 §4 */
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const SIGNATURE_BYTES = 64;

/** Whether `signature` is the one of `message` by the key with this text. */
export function isSignedBy(
  key: string,
  kind: NkeyKind,
  message: string,
  signature: Uint8Array | null,
): boolean {
  const bytes = decodeNkey(key, kind);
  if (bytes === null || signature === null || signature.length !== SIGNATURE_BYTES) return false;
  const publicKey = createPublicKey({
    key: Buffer.concat([ED25519_SPKI, bytes]),
    format: 'der',
    type: 'spki',
  });
  return verify(null, Buffer.from(message), publicKey, signature);
}

/**
 * The bytes of `sig` in CONNECT, as nats-server reads them: base64url without padding, else ordinary base64 with
 * padding; line ends inside do not count.
 * @returns null for anything else, such as base64url with padding
 */
export function decodeSignatureText(text: string): Buffer | null {
  return decodeBase64Url(text) ?? decodePaddedBase64(text);
}

/** Base64url without padding. @returns null when it is something else */
export function decodeBase64Url(text: string): Buffer | null {
  const letters = withoutLineEnds(text);
  // One letter alone in the last group is less than a byte.
  if (!/^[A-Za-z0-9_-]*$/.test(letters) || letters.length % 4 === 1) return null;
  return Buffer.from(letters, 'base64url');
}

function decodePaddedBase64(text: string): Buffer | null {
  const letters = withoutLineEnds(text);
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(letters) || letters.length % 4 !== 0) return null;
  return Buffer.from(letters, 'base64');
}

function withoutLineEnds(text: string): string {
  return text.replaceAll(/[\r\n]/g, '');
}
