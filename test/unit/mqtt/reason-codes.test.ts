import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endsSession, isCredentialRefusal } from '../../../src/mqtt/reason-codes.ts';

const codes = Array.from({ length: 256 }, (_, code) => code);

test('reason codes: MQTT 5 CONNACK refuses credentials with 0x86, 0x87, 0x8A, 0x8C', () => {
  assert.deepEqual(
    codes.filter((code) => isCredentialRefusal(code, 5)),
    [0x86, 0x87, 0x8a, 0x8c],
  );
});

test('reason codes: MQTT 3.1.1 CONNACK refuses credentials with 4 and 5', () => {
  assert.deepEqual(
    codes.filter((code) => isCredentialRefusal(code, 4)),
    [4, 5],
  );
});

test('reason codes: DISCONNECT 0x87, 0x8E, 0x98, 0x9D end the session for good', () => {
  assert.deepEqual(codes.filter(endsSession), [0x87, 0x8e, 0x98, 0x9d]);
});
