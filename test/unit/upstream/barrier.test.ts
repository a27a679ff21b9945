import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Histogram } from '../../../src/metrics/histogram.ts';
import type { OutboundPublication } from '../../../src/mqtt/publication.ts';
import type { PendingAck } from '../../../src/upstream/ack-timer.ts';
import { Barrier, type BarrierLinks } from '../../../src/upstream/barrier.ts';
import type { MqttLink } from '../../../src/upstream/mqtt-link.ts';
import { waitFor } from '../../support/wait-for.ts';
import { inbound } from './harness.ts';

/** The part of a link that a barrier uses; pings and PUBACKs wait for the test. */
class FakeLink {
  readonly published: OutboundPublication[] = [];
  readonly pubacks: ((code: number) => void)[] = [];
  readonly subscribes: ((code: number) => void)[] = [];
  readonly pings: (() => void)[] = [];
  expected = 0;
  /** Waits that count like an acknowledgement: one that is never finished would end the link. */
  readonly pending = new Set<PendingAck>();
  isConnected = true;

  publish(publication: OutboundPublication, onPuback: ((code: number) => void) | null): void {
    this.published.push({ ...publication });
    if (onPuback !== null) this.pubacks.push(onPuback);
  }

  subscribe(_filter: string, _options: unknown, done: (code: number) => void): void {
    this.subscribes.push(done);
  }

  ping(done: () => void): void {
    this.pings.push(done);
  }

  expect(done: () => void): PendingAck {
    this.expected++;
    const ack = { since: 0, done };
    this.pending.add(ack);
    return ack;
  }

  fulfil(ack: PendingAck): void {
    if (this.pending.delete(ack)) ack.done(0);
  }

  get asLink(): MqttLink {
    return this as unknown as MqttLink;
  }
}

function setUp(
  roles: { publish?: boolean; subscribe?: boolean; hasQoS1?: boolean; separatesQoS?: boolean } = {},
) {
  const publisher = new FakeLink();
  const subscriber = new FakeLink();
  const state = { isReady: true, isUnproven: false, unavailable: 0, acknowledged: 0 };
  const roundTrips = new Histogram();
  const links: BarrierLinks = {
    publish: roles.publish === false ? null : publisher.asLink,
    subscribe: roles.subscribe === false ? null : subscriber.asLink,
    hasQoS1: roles.hasQoS1 ?? false,
    separatesQoS: roles.separatesQoS ?? false,
    allocateIdentifier: () => 7,
    get isReady() {
      return state.isReady;
    },
    takeUnproven: () => {
      const had = state.isUnproven;
      state.isUnproven = false;
      return had;
    },
    roundTrips,
    onMarkerUnavailable: () => {
      state.unavailable++;
    },
    onMarkerAcknowledged: () => {
      state.acknowledged++;
    },
  };
  const barrier = new Barrier(links);
  const passed: string[] = [];
  const request = (name: string): void => barrier.request(() => passed.push(name));
  /** The broker returns a marker. */
  const comeBack = (marker = publisher.published.at(-1)): boolean => {
    assert.ok(marker !== undefined);
    const { body, payloadStart, payloadEnd } = marker;
    return barrier.consume(inbound(marker.topic.text, body.toString('utf8', payloadStart, payloadEnd)));
  };
  return { roundTrips, barrier, publisher, subscriber, state, passed, request, comeBack };
}

test('barrier: passes at once when nothing was published and nobody subscribes', () => {
  const { request, passed, publisher } = setUp({ subscribe: false });
  request('a');
  assert.deepEqual(passed, ['a']);
  assert.equal(publisher.pings.length, 0);
});

test('barrier: without subscriptions a PINGREQ proves QoS 0 publications', () => {
  const { request, passed, publisher, state } = setUp({ subscribe: false });
  state.isUnproven = true;
  request('a');
  assert.deepEqual([passed, publisher.pings.length], [[], 1]);
  publisher.pings[0]?.();
  assert.deepEqual(passed, ['a']);
});

test('barrier: with subscriptions only, a PINGREQ on that session', () => {
  const { request, passed, subscriber } = setUp({ publish: false });
  request('a');
  subscriber.pings[0]?.();
  assert.deepEqual(passed, ['a']);
});

test('barrier: the marker goes out after its SUBACK and passes when it is back, not before', () => {
  const { request, passed, publisher, subscriber, comeBack } = setUp();
  request('a');
  assert.deepEqual([subscriber.subscribes.length, publisher.published.length], [1, 0]);
  subscriber.subscribes[0]?.(0);
  assert.equal(publisher.published.length, 1);
  assert.equal(publisher.published[0]?.qos, 0);
  assert.deepEqual(passed, []);
  assert.equal(comeBack(), true);
  assert.deepEqual(passed, ['a']);
  request('b');
  assert.equal(subscriber.subscribes.length, 1, 'subscribed once');
  comeBack();
  assert.deepEqual(passed, ['a', 'b']);
});

test('barrier: all that are asked for while one runs share the next', () => {
  const { request, passed, publisher, subscriber, comeBack } = setUp();
  request('a');
  subscriber.subscribes[0]?.(0);
  for (const name of ['b', 'c', 'd']) request(name);
  comeBack();
  assert.deepEqual([passed, publisher.published.length], [['a'], 2]);
  comeBack();
  assert.deepEqual([passed, publisher.published.length], [['a', 'b', 'c', 'd'], 2]);
});

test('barrier: neither an old marker nor a forged one passes it; none of them is delivered', () => {
  const { barrier, request, passed, publisher, subscriber, comeBack } = setUp();
  request('a');
  subscriber.subscribes[0]?.(0);
  comeBack();
  const old = publisher.published[0];
  request('b');
  const topic = old?.topic.text ?? '';
  assert.equal(comeBack(old), true);
  for (const forged of ['', 'guess']) assert.equal(barrier.consume(inbound(topic, forged)), true);
  assert.equal(barrier.consume(inbound('_NMG/other', 'x')), true);
  assert.equal(barrier.consume(inbound('$_NMG/probe', 'x')), true);
  assert.deepEqual(passed, ['a']);
});

test('barrier: leaves every other topic alone', () => {
  const { barrier } = setUp();
  for (const topic of [
    'a',
    '_',
    '_NM/x',
    '_NMGx',
    '_nmg/x',
    'x/_NMG/y',
    '_INBOX/x',
    '$SRV/x',
    '$_NMG',
    '$_NMGx/y',
  ]) {
    assert.equal(barrier.consume(inbound(topic)), false, topic);
  }
});

test('barrier: with QoS 1 subscriptions the marker has QoS 1, and the next waits for its PUBACK', () => {
  const { request, passed, publisher, subscriber, comeBack } = setUp({ hasQoS1: true });
  request('a');
  subscriber.subscribes[0]?.(1);
  assert.equal(publisher.published[0]?.qos, 1);
  comeBack();
  assert.deepEqual(passed, ['a']);
  request('b');
  assert.equal(publisher.published.length, 1);
  publisher.pubacks[0]?.(0);
  assert.equal(publisher.published.length, 2);
  publisher.pubacks[1]?.(0);
  assert.deepEqual(passed, ['a'], 'the PUBACK alone proves nothing');
  comeBack();
  assert.deepEqual(passed, ['a', 'b']);
});

test('barrier: where the broker separates QoS, a marker of each has to come back', () => {
  const { request, passed, publisher, subscriber, comeBack } = setUp({ hasQoS1: true, separatesQoS: true });
  request('a');
  subscriber.subscribes[0]?.(1);
  const sent = (): (number | undefined)[] => publisher.published.map(({ qos }) => qos);
  assert.deepEqual(sent(), [0]);
  comeBack();
  assert.deepEqual([passed, sent()], [[], [0, 1]]);
  comeBack(publisher.published[0]);
  assert.deepEqual(passed, [], 'the first one counts once');
  comeBack();
  assert.deepEqual(passed, ['a']);
});

test('barrier: a session that is lost between two markers has both sent again', () => {
  const { barrier, request, passed, publisher, subscriber, comeBack } = setUp({
    hasQoS1: true,
    separatesQoS: true,
  });
  request('a');
  subscriber.subscribes[0]?.(1);
  comeBack();
  publisher.isConnected = false;
  barrier.reset();
  publisher.isConnected = true;
  barrier.resume();
  subscriber.subscribes[1]?.(1);
  comeBack();
  assert.deepEqual(
    publisher.published.map(({ qos }) => qos),
    [0, 1, 0, 1],
  );
  assert.deepEqual(passed, []);
  comeBack();
  assert.deepEqual(passed, ['a']);
});

test('barrier: with QoS 1 subscriptions only, the marker travels on that session', () => {
  const { request, passed, subscriber, comeBack } = setUp({ publish: false, hasQoS1: true });
  request('a');
  subscriber.subscribes[0]?.(1);
  assert.equal(subscriber.pings.length, 0);
  comeBack(subscriber.published[0]);
  assert.deepEqual(passed, ['a']);
});

test('barrier: a refused marker subscription means PINGREQ on publish, then on subscribe, from then on', () => {
  const { request, passed, publisher, subscriber, state } = setUp();
  request('a');
  subscriber.subscribes[0]?.(0x87);
  for (const name of ['a', 'b']) {
    if (name === 'b') request(name);
    assert.equal(publisher.pings.length, 1);
    assert.equal(subscriber.pings.length, 0);
    publisher.pings.pop()?.();
    assert.equal(passed.includes(name), false);
    subscriber.pings.pop()?.();
    assert.equal(passed.includes(name), true);
  }
  assert.deepEqual([publisher.published.length, state.unavailable], [0, 1]);
});

test('barrier: a first marker that does not come back is given up for PINGREQ', async () => {
  const { request, passed, publisher, subscriber, state } = setUp();
  request('a');
  subscriber.subscribes[0]?.(0);
  await waitFor(() => publisher.pings.length === 1, 2_000, 'the fallback');
  publisher.pings.pop()?.();
  subscriber.pings.pop()?.();
  assert.deepEqual([passed, state.unavailable], [['a'], 1]);
});

test('barrier: a loss takes the running one back; it runs again when the sessions are up', () => {
  const { barrier, request, passed, publisher, subscriber, state, comeBack } = setUp();
  request('a');
  subscriber.subscribes[0]?.(0);
  const lost = publisher.published[0];
  state.isReady = false;
  barrier.reset();
  request('b');
  comeBack(lost);
  assert.deepEqual(passed, []);
  state.isReady = true;
  barrier.resume();
  assert.equal(subscriber.subscribes.length, 2, 'the new session has no marker subscription');
  subscriber.subscribes[1]?.(0);
  comeBack();
  assert.deepEqual(passed, ['a', 'b']);
});

test('barrier: when only the subscribe session is lost, the publish session does not go on waiting for the marker', async () => {
  for (const isGivenUp of [false, true]) {
    const { barrier, request, passed, publisher, subscriber, state } = setUp();
    request('a');
    subscriber.subscribes[0]?.(0);
    assert.equal(publisher.pending.size, 1);
    if (isGivenUp) await waitFor(() => publisher.pings.length === 1, 2_000, 'the fallback');
    state.isReady = false;
    barrier.reset();
    assert.deepEqual([publisher.pending.size, passed], [0, []], `given up: ${isGivenUp}`);
  }
});

test('barrier: the PUBACK of a marker is owed beyond the loss of the subscribe session, not of its own', () => {
  for (const isCarrierLost of [false, true]) {
    const { barrier, request, passed, publisher, subscriber, comeBack } = setUp({ hasQoS1: true });
    request('a');
    subscriber.subscribes[0]?.(1);
    publisher.isConnected = !isCarrierLost;
    barrier.reset();
    publisher.isConnected = true;
    barrier.resume();
    if (!isCarrierLost) {
      assert.deepEqual([subscriber.subscribes.length, publisher.published.length], [1, 1]);
      publisher.pubacks[0]?.(0);
    }
    subscriber.subscribes[1]?.(1);
    assert.equal(publisher.published.length, 2, `carrier lost: ${isCarrierLost}`);
    comeBack();
    assert.deepEqual(passed, ['a']);
  }
});

test('barrier: a loss while very many wait keeps all of them', () => {
  const { barrier, request, passed, subscriber, comeBack } = setUp();
  request('a');
  subscriber.subscribes[0]?.(0);
  for (let i = 0; i < 300_000; i++) request('b');
  comeBack();
  barrier.reset();
  barrier.resume();
  subscriber.subscribes[1]?.(0);
  comeBack();
  assert.equal(passed.length, 300_001);
});

test('barrier: one that is withdrawn, running or waiting, calls nobody back and keeps nobody else waiting', () => {
  const { barrier, passed, request, publisher, subscriber, comeBack } = setUp();
  const [running, waiting] = [() => passed.push('running'), () => passed.push('waiting')];
  barrier.request(running);
  subscriber.subscribes[0]?.(0);
  request('a');
  barrier.request(waiting);
  assert.equal(barrier.waiting, 3);
  barrier.withdraw(running);
  barrier.withdraw(waiting);
  assert.equal(barrier.waiting, 1);
  comeBack();
  comeBack();
  assert.deepEqual([passed, publisher.published.length, barrier.waiting], [['a'], 2, 0]);
});

test('barrier: a first marker that stands behind a flood is waited for, and used from then on', async () => {
  const { request, passed, publisher, subscriber, state, comeBack } = setUp();
  request('a');
  subscriber.subscribes[0]?.(0);
  await waitFor(() => publisher.pings.length === 1, 2_000, 'the PINGREQ');
  publisher.pings[0]?.();
  assert.equal(subscriber.pings.length, 1);
  comeBack();
  assert.deepEqual([passed, state.unavailable], [['a'], 0]);
  subscriber.pings[0]?.();
  assert.deepEqual([passed, state.unavailable], [['a'], 0]);
  request('b');
  comeBack();
  assert.deepEqual([passed, publisher.published.length], [['a', 'b'], 2]);
});

test('barrier: a marker that comes after its PINGRESPs proves that markers can be used after all', async () => {
  const { request, passed, publisher, subscriber, state, comeBack } = setUp();
  request('a');
  subscriber.subscribes[0]?.(0);
  await waitFor(() => publisher.pings.length === 1, 2_000, 'the PINGREQ');
  publisher.pings[0]?.();
  subscriber.pings[0]?.();
  assert.deepEqual([passed, state.unavailable], [['a'], 1]);
  comeBack();
  request('b');
  comeBack();
  assert.deepEqual([passed, publisher.published.length, publisher.pings.length], [['a', 'b'], 2, 1]);
});

test('barrier: how long the broker took is noted once per marker and PINGREQ, and not for one that was lost', () => {
  const { request, publisher, subscriber, comeBack, barrier, roundTrips } = setUp();
  const count = () => roundTrips.snapshot().count;
  request('a');
  subscriber.subscribes[0]?.(0);
  comeBack();
  comeBack();
  assert.equal(count(), 1);
  request('b');
  const lost = publisher.published.at(-1);
  barrier.reset();
  comeBack(lost);
  assert.equal(count(), 1);

  const pings = setUp({ publish: false });
  pings.request('a');
  pings.subscriber.pings[0]?.();
  assert.equal(pings.roundTrips.snapshot().count, 1);
});
