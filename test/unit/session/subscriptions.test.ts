import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Subscription, SubscriptionList } from '../../../src/session/subscriptions.ts';
import { inbound } from '../upstream/harness.ts';

function subscription(sid: string, subject: string, queue = ''): Subscription {
  const names = {
    sid: Buffer.from(sid),
    subject: Buffer.from(subject),
    queue: Buffer.from(queue),
    filter: subject.replaceAll('.', '/').replaceAll('*', '+').replace('>', '#'),
  };
  return new Subscription(
    names,
    () => true,
    () => {},
  );
}

const sidsOf = (list: readonly Subscription[]): string[] => list.map(({ sid }) => sid.toString());

test('subscriptions: found by sid until removed', () => {
  const list = new SubscriptionList();
  const one = subscription('1', 'a');
  list.add(one);
  assert.equal(list.get(Buffer.from('1')), one);
  assert.equal(list.get(Buffer.from('2')), undefined);
  assert.equal(list.size, 1);
  list.remove(one);
  assert.equal(list.get(Buffer.from('1')), undefined);
  assert.equal(list.size, 0);
});

test('subscriptions: a sid is any bytes, not text', () => {
  const list = new SubscriptionList();
  const [one, two] = [Buffer.from([0xff, 0x31]), Buffer.from([0xfe, 0x31])];
  const names = { subject: Buffer.from('a'), queue: Buffer.alloc(0), filter: 'a' };
  const make = (sid: Buffer): Subscription =>
    new Subscription(
      { ...names, sid },
      () => true,
      () => {},
    );
  list.add(make(one));
  list.add(make(two));
  assert.equal(list.size, 2);
  assert.deepEqual(list.get(one)?.sid, one);
});

test('subscriptions: an ending one still delivers until its sid is used again', () => {
  const list = new SubscriptionList();
  const old = subscription('1', 'a');
  list.add(old);
  list.setEnding(old);
  assert.equal(list.size, 0);
  assert.equal(old.deliver(inbound('a')), true);
  const next = subscription('1', 'b');
  list.add(next);
  assert.equal(old.deliver(inbound('a')), false);
  assert.equal(next.deliver(inbound('b')), true);
  list.remove(old);
  assert.equal(list.get(Buffer.from('1')), next, 'the end of the old one takes the new one along');
});

test('subscriptions: plain matches for a subject, without queue members, ended ones and other subjects', () => {
  const list = new SubscriptionList();
  for (const [sid, subject, queue] of [
    ['1', 'a.b', ''],
    ['2', 'a.*', ''],
    ['3', 'a.>', ''],
    ['4', 'a.b', 'crew'],
    ['5', 'a', ''],
  ] as const) {
    list.add(subscription(sid, subject, queue));
  }
  const stopped = subscription('6', 'a.b');
  list.add(stopped);
  stopped.stop();
  list.remove(stopped);
  assert.deepEqual(sidsOf(list.plainMatches(Buffer.from('a.b'))), ['1', '2', '3']);
});

test('subscriptions: plain matches at the time of a publication, also when UNSUB has followed', () => {
  const list = new SubscriptionList();
  const one = subscription('1', 'a');
  one.publishedBefore = 2;
  list.add(one);
  one.publishedUntil = 4;
  list.setEnding(one);
  one.isOpen = false;
  const found = [2, 3, 4, 5].filter((published) => list.plainMatches(Buffer.from('a'), published).length > 0);
  assert.deepEqual(found, [3, 4]);
  assert.deepEqual(list.plainMatches(Buffer.from('a')), []);
});

test('subscriptions: everything ends with the connection, also what was ending', () => {
  const list = new SubscriptionList();
  const [one, two] = [subscription('1', 'a'), subscription('2', 'a')];
  list.add(one);
  list.add(two);
  list.setEnding(two);
  list.closeAll();
  assert.deepEqual([one.isOpen, two.isOpen, list.size], [false, false, 0]);
});

test('subscription: stop drops its filter and delivers no more', () => {
  const one = subscription('1', 'a', 'crew');
  let drops = 0;
  one.handle = {
    end: () => {},
    drop: () => {
      drops++;
    },
  };
  assert.equal(one.isQueue, true);
  one.stop();
  assert.equal(drops, 1);
  assert.equal(one.deliver(inbound('a')), false);
});
