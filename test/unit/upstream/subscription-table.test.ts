import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FilterEntry, Member } from '../../../src/upstream/filter-entry.ts';
import type { OverlapShape } from '../../../src/upstream/filter-index.ts';
import { SubscriptionTable } from '../../../src/upstream/subscription-table.ts';
import { inbound, RecordingSubscriber, request, ScriptedWire } from './harness.ts';

interface Setup {
  readonly overlap?: OverlapShape;
  readonly wildcardsMatchDollar?: boolean;
  readonly hasIdentifiers?: boolean;
  readonly wantsRetained?: boolean;
}

function setUp(options: Setup = {}) {
  const events: string[] = [];
  const table = new SubscriptionTable({
    overlap: () => options.overlap ?? 'identifiers',
    wildcardsMatchDollar: () => options.wildcardsMatchDollar ?? false,
    wantsRetained: options.wantsRetained ?? true,
    onUnclaimed: (entry) => {
      events.push(`unclaimed ${entry.filter}`);
    },
    onSharedCopy: () => {},
    onSharedEntry: (entry, _scope, isHeld) => events.push(`${isHeld ? 'held' : 'left'} ${entry.filter}`),
    onRetainedShared: () => events.push('retained on shared'),
    onCulprit: (filter) => events.push(`culprit ${filter}`),
  });
  const hasIdentifiers = options.hasIdentifiers ?? true;
  const attach = (): ScriptedWire => {
    const wire = new ScriptedWire();
    table.attach(wire, hasIdentifiers, () => events.push('restored'));
    return wire;
  };
  const wire = attach();
  events.length = 0;
  return { table, wire, attach, events };
}

const subscriber = (): RecordingSubscriber => new RecordingSubscriber();

test('table: one SUBSCRIBE per filter; its SUBACK reaches the subscriber', () => {
  const { table, wire } = setUp();
  const one = subscriber();
  table.subscribe(request('a/#', one));
  assert.deepEqual(wire.asked, ['sub a/# qos0 rh0 id1']);
  assert.deepEqual(one.subacks, []);
  wire.answer(0);
  assert.deepEqual(one.subacks, [0]);
  assert.equal(table.size, 1);
});

test('table: who joins a held filter has it SUBSCRIBEd again for the retained messages, under a new identifier', () => {
  const { table, wire } = setUp();
  const [one, two] = [subscriber(), subscriber()];
  table.subscribe(request('a', one));
  wire.answer(0);
  table.subscribe(request('a', two));
  assert.deepEqual(wire.asked, ['sub a qos0 rh0 id1', 'sub a qos0 rh0 id2']);
  table.dispatch(inbound('a', 'kept', { retain: true }), [2]);
  table.dispatch(inbound('a', 'live'), [1]);
  wire.answer(0);
  table.dispatch(inbound('a', 'more'), [2]);
  assert.deepEqual(one.payloads, ['live', 'more']);
  assert.deepEqual(two.payloads, ['kept', 'live', 'more']);
});

test('table: without retained messages a held filter is shared at once', () => {
  const { table, wire } = setUp({ wantsRetained: false });
  const [one, two] = [subscriber(), subscriber()];
  table.subscribe(request('a', one));
  assert.deepEqual(wire.asked, ['sub a qos0 rh2 id1']);
  wire.answer(0);
  table.subscribe(request('a', two));
  assert.equal(wire.unanswered, 0);
  assert.deepEqual(two.subacks, [0]);
});

test('table: a higher QoS raises the filter, a lower one leaves it', () => {
  const { table, wire } = setUp({ wantsRetained: false });
  table.subscribe(request('a', subscriber(), 0));
  wire.answer(0);
  table.subscribe(request('a', subscriber(), 1));
  assert.deepEqual(wire.asked.slice(1), ['sub a qos1 rh2 id2']);
  wire.answer(1);
  table.subscribe(request('a', subscriber(), 0));
  assert.equal(wire.unanswered, 0);
});

test('table: a refusal reaches those who asked and nobody else', () => {
  const { table, wire } = setUp();
  const [one, two] = [subscriber(), subscriber()];
  table.subscribe(request('a', one));
  wire.answer(0);
  table.subscribe(request('a', two));
  wire.answer(0x87);
  assert.deepEqual(one.subacks, [0]);
  assert.deepEqual(two.subacks, [0x87]);
  table.dispatch(inbound('a', 'x'), [1]);
  assert.deepEqual([one.payloads, two.payloads], [['x'], []]);
});

test('table: a refused filter is forgotten', () => {
  const { table, wire, events } = setUp();
  table.subscribe(request('crew:a', subscriber()));
  wire.answer(0x87);
  wire.answerAll();
  assert.equal(table.size, 0);
  assert.deepEqual(events, ['held $share/crew/a', 'left $share/crew/a']);
});

test('table: the last subscriber’s end takes effect at UNSUBACK', () => {
  const { table, wire } = setUp();
  const one = subscriber();
  const handle = table.subscribe(request('a', one));
  wire.answer(0);
  let isDone = false;
  handle.end(() => {
    isDone = true;
  });
  assert.equal(wire.asked.at(-1), 'unsub a');
  table.dispatch(inbound('a', 'late'), [1]);
  assert.deepEqual([isDone, one.payloads], [false, ['late']]);
  wire.answer();
  table.dispatch(inbound('a', 'too late'), [1]);
  assert.deepEqual([isDone, one.payloads, table.size], [true, ['late'], 0]);
});

test('table: with QoS 1 a barrier follows the UNSUBACK, because the broker may hold copies back', () => {
  const { table, wire } = setUp();
  const one = subscriber();
  const handle = table.subscribe(request('a', one, 1));
  wire.answer(1);
  let isDone = false;
  handle.end(() => {
    isDone = true;
  });
  wire.answer();
  assert.equal(wire.asked.at(-1), 'barrier');
  table.dispatch(inbound('a', 'held back'), [1]);
  assert.deepEqual([isDone, one.payloads], [false, ['held back']]);
  wire.answer();
  assert.equal(isDone, true);
});

test('table: where others stay, an end takes effect at a barrier', () => {
  const { table, wire } = setUp({ wantsRetained: false });
  const [one, two] = [subscriber(), subscriber()];
  const handle = table.subscribe(request('a', one));
  wire.answer(0);
  table.subscribe(request('a', two));
  let isDone = false;
  handle.end(() => {
    isDone = true;
  });
  assert.equal(wire.asked.at(-1), 'barrier');
  table.dispatch(inbound('a', '1'), [1]);
  wire.answer();
  table.dispatch(inbound('a', '2'), [1]);
  assert.deepEqual([isDone, one.payloads, two.payloads], [true, ['1'], ['1', '2']]);
});

test('table: SUB during the UNSUBSCRIBE subscribes again behind it', () => {
  const { table, wire } = setUp();
  const [one, two] = [subscriber(), subscriber()];
  const handle = table.subscribe(request('a', one));
  wire.answer(0);
  handle.end(() => {});
  table.subscribe(request('a', two));
  assert.deepEqual(wire.asked.slice(1), ['unsub a']);
  wire.answer();
  assert.deepEqual(wire.asked.slice(2), ['sub a qos0 rh0 id2']);
  wire.answer(0);
  table.dispatch(inbound('a', 'x'), [2]);
  assert.deepEqual([one.payloads, two.payloads, two.subacks], [[], ['x'], [0]]);
});

test('table: an end during the SUBSCRIBE answers it, and the UNSUBSCRIBE comes behind it', () => {
  const { table, wire } = setUp();
  const one = subscriber();
  let isDone = false;
  table.subscribe(request('a', one)).end(() => {
    isDone = true;
  });
  assert.deepEqual([one.subacks, wire.asked.length], [[0], 1]);
  wire.answer(0);
  assert.deepEqual([wire.asked.at(-1), isDone], ['unsub a', false]);
  wire.answer();
  assert.deepEqual([isDone, one.subacks, table.size], [true, [0], 0]);
});

test('table: drop ends deliveries to the dropped one at once and releases the filter behind it', () => {
  const { table, wire } = setUp();
  const one = subscriber();
  table.subscribe(request('a', one)).drop();
  wire.answerAll();
  assert.equal(wire.asked.at(-1), 'unsub a');
  assert.equal(table.size, 0);
});

test('table: overlapping filters give every subscriber one copy, whichever identifiers a copy names', () => {
  for (const copies of [[[1], [2]], [[1, 2]]]) {
    const { table, wire } = setUp();
    const [one, two] = [subscriber(), subscriber()];
    table.subscribe(request('a/#', one));
    table.subscribe(request('a/+', two));
    wire.answerAll();
    for (const identifiers of copies) table.dispatch(inbound('a/b', 'x'), identifiers);
    assert.deepEqual([one.payloads, two.payloads], [['x'], ['x']], JSON.stringify(copies));
  }
});

test('table: one copy without identifiers is matched here', () => {
  const { table, wire } = setUp({ overlap: 'single', hasIdentifiers: false });
  const [one, two, three] = [subscriber(), subscriber(), subscriber()];
  table.subscribe(request('a/#', one));
  table.subscribe(request('a/+', two));
  table.subscribe(request('b', three));
  wire.answerAll();
  table.dispatch(inbound('a/b', 'x'), []);
  assert.deepEqual([one.payloads, two.payloads, three.payloads], [['x'], ['x'], []]);
});

test('table: of copies without identifiers, as many in a row as filters match are one message', () => {
  const { table, wire } = setUp({ overlap: 'copies', hasIdentifiers: false });
  const [one, two] = [subscriber(), subscriber()];
  table.subscribe(request('a/#', one));
  table.subscribe(request('a/+', two));
  wire.answerAll();
  for (const text of ['x', 'x', 'x', 'x', 'y', 'y']) table.dispatch(inbound('a/b', text), []);
  assert.deepEqual(one.payloads, ['x', 'x', 'y']);
  assert.deepEqual(two.payloads, ['x', 'x', 'y']);
});

for (const wildcardsMatchDollar of [true, false]) {
  test(`table: wildcards that ${wildcardsMatchDollar ? '' : 'do not '}match $ count as the broker has it`, () => {
    const { table, wire } = setUp({ overlap: 'copies', hasIdentifiers: false, wildcardsMatchDollar });
    const [wild, exact] = [subscriber(), subscriber()];
    table.subscribe(request('+/b', wild));
    table.subscribe(request('$a/b', exact));
    wire.answerAll();
    for (const text of ['x', 'x']) table.dispatch(inbound('$a/b', text), []);
    assert.deepEqual(wild.payloads, wildcardsMatchDollar ? ['x'] : []);
    assert.deepEqual(exact.payloads, wildcardsMatchDollar ? ['x'] : ['x', 'x']);
  });
}

test('table: a shared copy goes to one willing member; retained ones are dropped', () => {
  const { table, wire, events } = setUp();
  const members = [subscriber(), subscriber(), subscriber()];
  for (const member of members) table.subscribe(request('crew:a', member));
  wire.answerAll();
  events.length = 0;
  if (members[0] !== undefined) members[0].isWilling = false;
  for (let index = 0; index < 100; index++) table.dispatch(inbound('a', 'x'), [1]);
  const shares = members.map(({ payloads }) => payloads.length);
  assert.equal(shares[0], 0);
  assert.equal((shares[1] ?? 0) + (shares[2] ?? 0), 100);
  assert.ok((shares[1] ?? 0) > 10 && (shares[2] ?? 0) > 10, `shares ${shares}`);
  for (const member of members) member.isWilling = false;
  table.dispatch(inbound('a', 'x'), [1]);
  table.dispatch(inbound('a', 'x', { retain: true }), [1]);
  assert.deepEqual(events, ['unclaimed $share/crew/a', 'retained on shared']);
});

test('table: one group on two matching filters gets one copy, that of the first filter', () => {
  const { table, wire } = setUp();
  const [one, two] = [subscriber(), subscriber()];
  table.subscribe(request('crew:a/+', two));
  table.subscribe(request('crew:a/#', one));
  wire.answerAll();
  table.dispatch(inbound('a/b', 'x'), [1]);
  table.dispatch(inbound('a/b', 'x'), [2]);
  assert.equal(one.payloads.length + two.payloads.length, 1);
});

test('table: after a loss every filter comes back without retained messages, and only then is it restored', () => {
  const { table, wire, attach, events } = setUp();
  const [one, two] = [subscriber(), subscriber()];
  table.subscribe(request('a', one, 1));
  table.subscribe(request('b', two));
  wire.answerAll();
  table.detach();
  table.dispatch(inbound('a', 'of the old session'), [1]);
  const again = attach();
  assert.deepEqual(
    again.asked.map((text) => text.replace(/ id\d+$/, '')),
    ['sub a qos1 rh2', 'sub b qos0 rh2'],
  );
  again.answer(1);
  assert.deepEqual(events, []);
  again.answer(0);
  assert.deepEqual(events, ['restored']);
  assert.deepEqual([one.subacks, one.payloads], [[0], []]);
});

test('table: what waits for its first SUBACK during a loss gets it, and its retained messages, afterwards', () => {
  const { table, wire, attach } = setUp();
  const one = subscriber();
  table.subscribe(request('a', one));
  table.detach();
  const again = attach();
  wire.answer(0);
  assert.deepEqual(one.subacks, [], 'a SUBACK of the old session');
  assert.match(again.asked[0] ?? '', /^sub a qos0 rh0/);
  again.answer(0);
  assert.deepEqual(one.subacks, [0]);
});

test('table: a filter that is refused on coming back is told to its subscribers', () => {
  const { table, wire, attach, events } = setUp();
  const one = subscriber();
  table.subscribe(request('a', one));
  wire.answerAll();
  table.detach();
  attach().answer(0x87);
  assert.deepEqual(one.subacks, [0, 0x87]);
  assert.deepEqual(events, ['restored']);
  assert.equal(table.size, 0);
});

test('table: an end during a loss is done at once', () => {
  const { table, wire } = setUp();
  const handle = table.subscribe(request('a', subscriber()));
  wire.answerAll();
  let done = 0;
  const onDone = (): void => {
    done++;
  };
  handle.end(onDone);
  table.detach();
  assert.equal(done, 1);
  const other = table.subscribe(request('b', subscriber()));
  other.end(onDone);
  other.end(onDone);
  assert.equal(done, 3, 'a second end is answered, too');
});

test('table: identifiers are unique, and null where the broker has none', () => {
  const { table } = setUp();
  const ids = Array.from({ length: 100 }, () => table.allocateIdentifier());
  assert.equal(new Set(ids).size, 100);
  assert.equal(setUp({ hasIdentifiers: false }).table.allocateIdentifier(), null);
});

test('table: a filter that everybody has dropped is released later, and not at all if somebody comes before', () => {
  const { table, wire } = setUp();
  const jobs: (() => void)[] = [];
  wire.later = (job) => jobs.push(job);
  const first = table.subscribe(request('a', subscriber()));
  wire.answerAll();
  first.drop();
  assert.deepEqual([wire.asked.length, jobs.length, table.size], [1, 1, 1]);
  const two = subscriber();
  const second = table.subscribe(request('a', two));
  assert.equal(wire.asked.at(-1), 'sub a qos0 rh0 id2');
  wire.answerAll();
  assert.deepEqual(two.subacks, [0]);
  jobs.shift()?.();
  assert.equal(wire.asked.length, 2, 'the job has nothing to do any more');
  second.drop();
  jobs.shift()?.();
  assert.equal(wire.asked.at(-1), 'unsub a');
  wire.answerAll();
  assert.equal(table.size, 0);
});

test('table: who is dropped before the SUBACK is answered once, whatever the broker says', () => {
  const { table, wire } = setUp();
  const one = subscriber();
  table.subscribe(request('a', one)).drop();
  wire.answer(0x87);
  assert.deepEqual(one.subacks, [0]);
  wire.answerAll();
  assert.equal(table.size, 0);
});

test('table: a filter over which the session is lost is restored last and alone, then refused', () => {
  const { table, wire, attach, events } = setUp();
  const [good, bad] = [subscriber(), subscriber()];
  table.subscribe(request('good', good));
  wire.answerAll();
  table.subscribe(request('bad', bad));
  table.onSending('bad');
  table.detach();
  const second = attach();
  for (const filter of ['good', 'bad']) table.onSending(filter);
  assert.deepEqual(second.asked, ['sub good qos0 rh2 id3', 'sub bad qos0 rh0 id4']);
  table.detach();
  const third = attach();
  assert.equal(third.asked.length, 1, 'the suspect waits');
  table.onSending('good');
  third.answer();
  table.onSending('bad');
  assert.match(third.asked[1] ?? '', /^sub bad/);
  table.detach();
  assert.deepEqual([bad.subacks, good.subacks, table.size], [[0x80], [0], 1]);
  assert.ok(events.includes('culprit bad'));
  attach().answerAll();
  assert.equal(events.at(-1), 'restored');
});

test('table: who joins because of a delivery does not get that message', () => {
  const { table, wire } = setUp({ wantsRetained: false });
  const joining = subscriber();
  const first = subscriber();
  const deliver = first.deliver.bind(first);
  first.deliver = (message) => {
    if (joining.subacks.length === 0) table.subscribe(request('a', joining));
    return deliver(message);
  };
  table.subscribe(request('a', first));
  wire.answerAll();
  for (const payload of ['1', '2']) table.dispatch(inbound('a', payload), [1]);
  assert.deepEqual([first.payloads, joining.payloads], [['1', '2'], ['2']]);
});

test('filter entry: text sent to the broker, and the QoS its members ask for', () => {
  const plain = new FilterEntry('a/#', null);
  const shared = new FilterEntry('a/#', 'crew');
  assert.deepEqual([plain.filter, shared.filter], ['a/#', '$share/crew/a/#']);
  assert.equal(plain.wantedQoS, 0);
  const high = new Member(plain, request('a/#', subscriber(), 1));
  const low = new Member(plain, request('a/#', subscriber()));
  plain.add(low);
  plain.add(high);
  assert.deepEqual([plain.wantedQoS, plain.waitingCount, plain.endingCount], [1, 2, 0]);
  plain.setState(high, 'ending');
  assert.equal(plain.wantedQoS, 0);
  assert.deepEqual([plain.ending(), plain.waiting(), plain.active()], [[high], [low], []]);
  plain.setState(low, 'active');
  assert.ok(plain.delete(high));
  assert.ok(!plain.delete(high));
  assert.deepEqual([plain.size, plain.waitingCount, plain.endingCount], [1, 0, 0]);
  assert.deepEqual(plain.active(), [low]);
});

test('table: when nobody subscribes any more, those who share filters with others are told', () => {
  const { table, wire, events } = setUp();
  table.subscribe(request('g:a', subscriber()));
  wire.answer();
  table.subscribe(request('g:b', subscriber()));
  events.length = 0;
  table.dispose();
  assert.deepEqual(events, ['left $share/g/a', 'left $share/g/b']);
  assert.equal(table.size, 0);
});
