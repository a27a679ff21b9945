import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAccount, createOperator, createUser, fromPublic, type KeyPair } from '@nats-io/nkeys';
import fc from 'fast-check';
import { isSignedBy } from '../../src/auth/nkey-signature.ts';
import { decodeNkey, encodeNkey, type NkeyKind } from '../../src/nats/nkey.ts';

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const kind = fc.constantFrom<NkeyKind>('user', 'account', 'operator');
const PAIRS: Readonly<Record<NkeyKind, () => KeyPair>> = {
  user: createUser,
  account: createAccount,
  operator: createOperator,
};

test('nkey: every key comes back from its text, which the official library takes too', () => {
  fc.assert(
    fc.property(key, kind, (bytes, of) => {
      const text = encodeNkey(bytes, of);
      assert.deepEqual(decodeNkey(text, of), Buffer.from(bytes));
      assert.equal(fromPublic(text).getPublicKey(), text);
    }),
  );
});

test('nkey: one other letter anywhere, and it is no key', () => {
  const letter = fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567');
  fc.assert(
    fc.property(key, kind, fc.nat(55), letter, (bytes, of, at, other) => {
      const text = encodeNkey(bytes, of);
      fc.pre(text[at] !== other);
      assert.equal(decodeNkey(text.slice(0, at) + other + text.slice(at + 1), of), null);
    }),
  );
});

test('nkey: arbitrary text is refused and never fails', () => {
  const text = fc.oneof(fc.string(), fc.string({ minLength: 56, maxLength: 56, unit: 'binary' }));
  fc.assert(fc.property(text, kind, (given, of) => assert.equal(decodeNkey(given, of), null)));
});

test('nkey: what the official library signs is signed, and nothing else', () => {
  fc.assert(
    fc.property(kind, fc.string(), fc.nat(63), (of, message, at) => {
      const pair = PAIRS[of]();
      const signature = pair.sign(Buffer.from(message));
      assert.ok(isSignedBy(pair.getPublicKey(), of, message, signature));
      assert.ok(!isSignedBy(pair.getPublicKey(), of, `${message}.`, signature));
      assert.ok(!isSignedBy(PAIRS[of]().getPublicKey(), of, message, signature));
      signature[at] = (signature[at] ?? 0) ^ 1;
      assert.ok(!isSignedBy(pair.getPublicKey(), of, message, signature));
    }),
    { numRuns: 25 },
  );
});
