import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteAccount } from '../../../src/upstream/byte-account.ts';
import { SendWindow, type UnackedPublication } from '../../../src/upstream/send-window.ts';
import { outbound } from './harness.ts';

/** A window with a log of the codes that receipts were told. */
function windowOf(limit: number) {
  const told: string[] = [];
  const window: SendWindow = new SendWindow(limit, new ByteAccount(1e9), (entry, code) =>
    window.acknowledge(entry, code),
  );
  const add = (name: string): UnackedPublication =>
    window.add(outbound('t', name), { onPuback: (code) => told.push(`${name} ${code}`) });
  return { window, told, add };
}

const payloadOf = ({ body, payloadStart, payloadEnd }: UnackedPublication): string =>
  body.toString('utf8', payloadStart, payloadEnd);

test('send window: closes at its limit and opens with a PUBACK', () => {
  const { window, told, add } = windowOf(2);
  const first = add('a');
  assert.equal(window.isOpen, true);
  const second = add('b');
  assert.equal(window.isOpen, false);
  window.acknowledge(second, 0x10);
  assert.equal(window.isOpen, true);
  first.done(0);
  first.done(0);
  assert.deepEqual(told, ['b 16', 'a 0']);
  assert.equal(window.size, 0);
});

test('send window: a limit below 1 is 1', () => {
  for (const limit of [0, -1]) {
    const { window, add } = windowOf(5);
    window.setLimit(limit);
    assert.equal(window.isOpen, true);
    add('a');
    assert.equal(window.isOpen, false);
  }
});

test('send window: keeps a copy of the payload alone', () => {
  const { window } = windowOf(2);
  const source = outbound('t', 'payload');
  const entry = window.add(source, { onPuback: () => {} });
  source.body.fill(0);
  source.topic = { text: 'other', bytes: Buffer.from('other') };
  assert.equal(payloadOf(entry), 'payload');
  assert.equal(entry.topic.text, 't');
  assert.equal(entry.body.length, 7);
});

test('send window: after a loss everything unacknowledged is owed, in order, within the limit', () => {
  const { window, told, add } = windowOf(10);
  const entries = ['a', 'b', 'c', 'd'].map(add);
  window.acknowledge(entries[1] as UnackedPublication, 0);
  window.reset();
  window.setLimit(2);
  assert.equal(window.isOpen, false, 'nothing new before what is owed');
  const again = [window.takeOwed(), window.takeOwed()];
  assert.deepEqual(
    again.map((entry) => payloadOf(entry as UnackedPublication)),
    ['a', 'c'],
  );
  assert.equal(window.takeOwed(), undefined, 'the limit of the new session');
  window.acknowledge(again[0] as UnackedPublication, 0);
  const last = window.takeOwed();
  assert.equal(payloadOf(last as UnackedPublication), 'd');
  assert.equal(window.isOpen, false);
  window.acknowledge(again[1] as UnackedPublication, 0);
  assert.equal(window.isOpen, true);
  window.acknowledge(last as UnackedPublication, 0);
  assert.deepEqual(told, ['b 0', 'a 0', 'c 0', 'd 0']);
});

test('send window: lost again while sending again, it owes all of it again', () => {
  const { window, add } = windowOf(10);
  ['a', 'b', 'c'].map(add);
  window.reset();
  window.takeOwed();
  window.reset();
  const order: string[] = [];
  for (let entry = window.takeOwed(); entry !== undefined; entry = window.takeOwed()) {
    order.push(payloadOf(entry));
  }
  assert.deepEqual(order, ['a', 'b', 'c']);
  assert.equal(window.size, 3);
});

test('send window: closes at 8 MiB of payload', () => {
  const { window } = windowOf(1_000);
  const large = outbound('t', 'x'.repeat(1024 * 1024));
  const entries: UnackedPublication[] = [];
  while (window.isOpen) entries.push(window.add(large, { onPuback: () => {} }));
  assert.equal(entries.length, 8);
  window.acknowledge(entries[0] as UnackedPublication, 0);
  assert.equal(window.isOpen, true);
});
