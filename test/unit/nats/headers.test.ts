import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noRespondersBlock } from '../../../src/nats/headers.ts';

test('headers: the block for no responders names the subject, byte for byte', () => {
  const block = noRespondersBlock(Buffer.from('a.\xff', 'latin1'));
  assert.equal(block.toString('latin1'), 'NATS/1.0 503\r\nNats-Subject: a.\xff\r\n\r\n');
  assert.equal(block.length, 32 + 3);
});
