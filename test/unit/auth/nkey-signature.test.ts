import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeSignatureText } from '../../../src/auth/nkey-signature.ts';

/** 64 bytes whose base64 has both letters in which the alphabets differ. */
const BYTES = Buffer.alloc(64, 0xfb).fill(0xff, 30);
const URL_TEXT = BYTES.toString('base64url');
const PADDED = BYTES.toString('base64');

const TEXTS: [name: string, text: string, isTaken: boolean][] = [
  ['base64url without padding', URL_TEXT, true],
  ['ordinary base64 with padding', PADDED, true],
  ['base64url with padding', `${URL_TEXT}==`, false],
  ['ordinary base64 without padding', PADDED.replaceAll('=', ''), false],
  ['both alphabets mixed', `-${PADDED.slice(1)}`, false],
  ['base64url over several lines', `${URL_TEXT.slice(0, 40)}\r\n${URL_TEXT.slice(40)}`, true],
  ['ordinary base64 over several lines', `${PADDED.slice(0, 40)}\n${PADDED.slice(40)}`, true],
  ['a blank', `${URL_TEXT.slice(0, 40)} ${URL_TEXT.slice(40)}`, false],
  ['one letter too many', `${URL_TEXT.slice(0, 84)}A`, false],
  ['padding in the middle', `${PADDED.slice(0, 40)}==${PADDED.slice(42)}`, false],
  ['hexadecimal with a colon', 'fb:ff', false],
];
for (const [name, text, isTaken] of TEXTS) {
  test(`nkey signature: ${name} is ${isTaken ? 'taken' : 'refused'}`, () => {
    assert.deepEqual(decodeSignatureText(text), isTaken ? BYTES : null);
  });
}
