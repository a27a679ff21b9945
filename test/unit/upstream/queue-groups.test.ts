/** Queue groups within one process: hand-over between sessions, and distribution where the broker has none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters } from '../../../src/metrics/counters.ts';
import { QueueGroups } from '../../../src/upstream/queue-groups.ts';
import { SubscriptionTable } from '../../../src/upstream/subscription-table.ts';
import { inbound, RecordingSubscriber, request, ScriptedWire } from './harness.ts';

const subscriber = (): RecordingSubscriber => new RecordingSubscriber();
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function session(groups: QueueGroups) {
  const table = new SubscriptionTable({
    overlap: () => 'single',
    wildcardsMatchDollar: () => false,
    wantsRetained: false,
    onUnclaimed: (entry, scope, message) => groups.handOver(entry, scope, message),
    onSharedCopy: (entry, message) => groups.serveOtherScopes(entry, message),
    onSharedEntry: (entry, scope, isHeld) => groups.note(entry, scope, isHeld),
    onRetainedShared: () => {},
    onCulprit: () => {},
  });
  const wire = new ScriptedWire();
  table.attach(wire, true, () => {});
  const join = (text: string, member: RecordingSubscriber, scope = '') =>
    groups.subscribeLocally(table, request(text, member, 0, scope));
  /** A member of a group that the broker distributes. */
  const share = (text: string, scope = '', isWilling = true) => {
    const member = subscriber();
    member.isWilling = isWilling;
    const handle = table.subscribe(request(text, member, 0, scope));
    wire.answerAll();
    return Object.assign(member, { handle });
  };
  return { table, wire, join, share };
}

test('queue groups: a copy that its session cannot take goes to another session of the same group', () => {
  const counters = new Counters();
  const groups = new QueueGroups(counters);
  const [first, second, third] = [session(groups), session(groups), session(groups)];
  first.share('crew:a', '', false);
  const other = second.share('other:a');
  const willing = third.share('crew:a');
  first.table.dispatch(inbound('a', 'x'), [1]);
  assert.deepEqual([willing.payloads, other.payloads], [['x'], []]);
  willing.handle.drop();
  third.wire.answerAll();
  first.table.dispatch(inbound('a', 'y'), [1]);
  assert.equal(counters.dropped.get('no_group_member'), 1);
  assert.deepEqual(other.payloads, []);
});

test('queue groups: a copy that arrives when its member has just left goes to another session', () => {
  const counters = new Counters();
  const groups = new QueueGroups(counters);
  const [first, second] = [session(groups), session(groups)];
  const leaving = first.share('crew:a');
  const staying = second.share('crew:a');
  leaving.handle.drop();
  first.table.dispatch(inbound('a', 'x'), [1]);
  assert.deepEqual([leaving.payloads, staying.payloads], [[], ['x']]);
  assert.equal(counters.dropped.size, 0);
});

test('queue groups: a copy of one pattern that its members cannot take goes to those on another pattern', () => {
  const counters = new Counters();
  const { table, share } = session(new QueueGroups(counters));
  share('crew:a/+', '', false);
  const exact = share('crew:a/x');
  table.dispatch(inbound('a/x', '1'), [1]);
  table.dispatch(inbound('a/x', '1'), [2]);
  assert.deepEqual(exact.payloads, ['1']);
  table.dispatch(inbound('a/y', '2'), [1]);
  assert.deepEqual([exact.payloads, counters.dropped.get('no_group_member')], [['1'], 1]);
});

test('queue groups: where everybody has left the first pattern, the copy of the second counts', () => {
  const { table, share } = session(new QueueGroups(new Counters()));
  const wide = share('crew:a/+');
  const exact = share('crew:a/x');
  wide.handle.drop();
  table.dispatch(inbound('a/x', '1'), [1]);
  table.dispatch(inbound('a/x', '1'), [2]);
  assert.deepEqual([wide.payloads, exact.payloads], [[], ['1']]);
});

test('queue groups: groups of one name under different mountpoints take nothing from each other', () => {
  const counters = new Counters();
  const { table, share } = session(new QueueGroups(counters));
  const above = share('crew:t1/+', '');
  const tenant = share('crew:t1/x', 't1/');
  table.dispatch(inbound('t1/x', '1'), [1]);
  table.dispatch(inbound('t1/x', '1'), [2]);
  assert.deepEqual([above.payloads, tenant.payloads], [['1'], ['1']]);
  above.isWilling = false;
  table.dispatch(inbound('t1/x', '2'), [1]);
  assert.deepEqual(tenant.payloads, ['1'], 'no hand-over to another mountpoint');
  assert.equal(counters.dropped.get('no_group_member'), 1);
});

test('queue groups: two mountpoints on one filter are two groups, whichever session the one copy comes to', () => {
  const groups = new QueueGroups(new Counters());
  const [first, second] = [session(groups), session(groups)];
  const outer = first.share('crew:a/b/x', 'a/');
  const inner = first.share('crew:a/b/x', 'a/b/');
  const far = second.share('crew:a/b/x', 'a/');
  assert.equal(first.table.size, 1, 'the broker sees one subscription');
  first.table.dispatch(inbound('a/b/x', '1'), [1]);
  assert.deepEqual([outer.payloads.length + far.payloads.length, inner.payloads], [1, ['1']]);
  second.table.dispatch(inbound('a/b/x', '2'), [1]);
  assert.deepEqual([far.payloads.includes('2'), inner.payloads], [true, ['1', '2']]);
  inner.handle.drop();
  second.table.dispatch(inbound('a/b/x', '3'), [1]);
  assert.deepEqual([far.payloads.includes('3'), inner.payloads], [true, ['1', '2']]);
});

test('local groups: groups of one name and filter under different mountpoints are two', async () => {
  const groups = new QueueGroups(new Counters());
  const { table, wire, join } = session(groups);
  const [outer, inner] = [subscriber(), subscriber()];
  join('crew:a/b/x', outer, 'a/');
  join('crew:a/b/x', inner, 'a/b/');
  wire.answerAll();
  await nextTurn();
  table.dispatch(inbound('a/b/x', '1'), []);
  assert.deepEqual([outer.payloads, inner.payloads], [['1'], ['1']]);
});

test('local group: one session subscribes for all; each message goes to one member', async () => {
  const groups = new QueueGroups(new Counters());
  const sessions = [session(groups), session(groups), session(groups)];
  const members = sessions.map(({ join }) => {
    const member = subscriber();
    join('crew:a', member);
    return member;
  });
  assert.deepEqual(
    sessions.map(({ wire }) => wire.asked.length),
    [1, 0, 0],
  );
  assert.match(sessions[0]?.wire.asked[0] ?? '', /^sub a /);
  sessions[0]?.wire.answer(0);
  assert.deepEqual(
    members.map(({ subacks }) => subacks),
    [[0], [0], [0]],
  );
  for (let index = 0; index < 300; index++) sessions[0]?.table.dispatch(inbound('a', String(index)), []);
  const all = members.flatMap(({ payloads }) => payloads);
  assert.equal(new Set(all).size, 300);
  assert.equal(all.length, 300);
  for (const { payloads } of members) assert.ok(payloads.length > 40, `a share of ${payloads.length}`);
  const late = subscriber();
  sessions[1]?.join('crew:a', late);
  await nextTurn();
  assert.deepEqual(late.subacks, [0]);
});

test('local group: a member that cannot take a copy is passed over; nobody: counted', () => {
  const counters = new Counters();
  const groups = new QueueGroups(counters);
  const { table, wire, join } = session(groups);
  const [one, two] = [subscriber(), subscriber()];
  join('crew:a', one);
  join('crew:a', two);
  wire.answerAll();
  one.isWilling = false;
  for (let index = 0; index < 20; index++) table.dispatch(inbound('a', 'x'), []);
  assert.equal(two.payloads.length, 20);
  two.isWilling = false;
  table.dispatch(inbound('a', 'x'), []);
  assert.equal(counters.dropped.get('no_group_member'), 1);
});

test('local group: when the receiving session leaves, the next subscribes first, and copies of both count once', () => {
  const groups = new QueueGroups(new Counters());
  const [first, second] = [session(groups), session(groups)];
  const [one, two] = [subscriber(), subscriber()];
  const handle = first.join('crew:a', one);
  second.join('crew:a', two);
  first.wire.answer(0);
  let isDone = false;
  handle.end(() => {
    isDone = true;
  });
  assert.match(second.wire.asked.at(-1) ?? '', /^sub a /);
  assert.equal(
    first.wire.asked.some((text) => text.startsWith('unsub')),
    false,
    'released too early',
  );
  first.table.dispatch(inbound('a', 'before'), []);
  second.wire.answerAll();
  // Both sessions receive now; whichever copy comes first is delivered, the other one is not.
  second.table.dispatch(inbound('a', '1'), []);
  first.table.dispatch(inbound('a', '1'), []);
  first.table.dispatch(inbound('a', '2'), []);
  first.table.dispatch(inbound('a', '2'), []);
  second.table.dispatch(inbound('a', '2'), []);
  second.table.dispatch(inbound('a', '2'), []);
  first.wire.answerAll();
  assert.equal(isDone, true);
  second.table.dispatch(inbound('a', 'after'), []);
  assert.deepEqual([...one.payloads, ...two.payloads].sort(), ['1', '2', '2', 'after', 'before']);
});

test('local group: a receiving session that is lost for good is replaced', () => {
  const groups = new QueueGroups(new Counters());
  const [first, second] = [session(groups), session(groups)];
  const [one, two] = [subscriber(), subscriber()];
  first.join('crew:a', one);
  second.join('crew:a', two);
  first.wire.answerAll();
  first.table.detach();
  groups.forget(first.table);
  second.wire.answerAll();
  second.table.dispatch(inbound('a', 'x'), []);
  assert.deepEqual([one.payloads, two.payloads], [[], ['x']]);
});

test('local group: a session whose broker refuses leaves, the next one tries', () => {
  const groups = new QueueGroups(new Counters());
  const [first, second] = [session(groups), session(groups)];
  const [one, two] = [subscriber(), subscriber()];
  first.join('crew:a', one);
  second.join('crew:a', two);
  first.wire.answer(0x87);
  second.wire.answer(0);
  assert.deepEqual([one.subacks, two.subacks], [[0x87], [0]]);
});

test('local group: of one name on two matching filters, only the first filter delivers', () => {
  const groups = new QueueGroups(new Counters());
  const { table, wire, join } = session(groups);
  const [one, two] = [subscriber(), subscriber()];
  join('crew:a/#', one);
  join('crew:a/+', two);
  wire.answerAll();
  table.dispatch(inbound('a/b', 'x'), []);
  assert.equal(one.payloads.length + two.payloads.length, 1);
});

test('local group: a session that holds the filter already receives for the group at once', async () => {
  const groups = new QueueGroups(new Counters());
  const { table, wire, join } = session(groups);
  const [plain, one, two] = [subscriber(), subscriber(), subscriber()];
  table.subscribe(request('a', plain));
  wire.answerAll();
  join('crew:a', one);
  join('crew:a', two);
  await nextTurn();
  assert.deepEqual([one.subacks, two.subacks], [[0], [0]]);
  table.dispatch(inbound('a', 'x'), []);
  assert.deepEqual([plain.payloads.length, one.payloads.length + two.payloads.length], [1, 1]);
});
