/** Queue groups within one process: hand-over between sessions, and distribution where the broker has none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters } from '../../../src/metrics/counters.ts';
import { FilterEntry, Member } from '../../../src/upstream/filter-entry.ts';
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
    onUnclaimed: () => false,
    onSharedEntry: () => {},
    onRetainedShared: () => {},
  });
  const wire = new ScriptedWire();
  table.attach(wire, false, () => {});
  const join = (text: string, member: RecordingSubscriber) =>
    groups.subscribeLocally(table, request(text, member));
  return { table, wire, join };
}

test('queue groups: a copy that its session cannot take goes to another session of the same group', () => {
  const counters = new Counters();
  const groups = new QueueGroups(counters);
  const entry = (name: string, filter: string, isWilling: boolean) => {
    const one = subscriber();
    one.isWilling = isWilling;
    const made = new FilterEntry(filter, name);
    made.members.add(new Member(made, one, 0));
    groups.note(made, true);
    return { made, one };
  };
  const unwilling = entry('crew', 'a', false);
  const other = entry('other', 'a', true);
  const willing = entry('crew', 'a', true);
  assert.equal(groups.handOver(unwilling.made, inbound('a', 'x')), true);
  assert.deepEqual([willing.one.payloads, other.one.payloads], [['x'], []]);
  groups.note(willing.made, false);
  assert.equal(groups.handOver(unwilling.made, inbound('a', 'y')), false);
  assert.equal(counters.dropped.get('no_group_member'), 1);
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
