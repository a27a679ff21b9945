/** When the broker is asked, what is kept of the answers, and what is said about them: real probes, a clock of the test. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BrokerKnowledge } from '../../../src/upstream/broker-knowledge.ts';
import type { LinkFeatures } from '../../../src/upstream/mqtt-link.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import type { ScriptedBehaviour } from '../../support/scripted-behaviour.ts';
import { ScriptedBroker } from '../../support/scripted-broker.ts';
import { waitFor } from '../../support/wait-for.ts';
import { RecordingLogger } from './harness.ts';

const GAP_MS = 30_000;

const CONNACK: LinkFeatures = {
  protocolVersion: 5,
  maximumPacketBytes: Number.POSITIVE_INFINITY,
  retainAvailable: true,
  maximumQoS: 2,
  wildcardSubscriptions: true,
  sharedSubscriptions: true,
  isSettled: true,
  acceptsDollarTopics: true,
  acceptsDots: true,
  takesWireProperties: true,
  subscriptionIdentifiers: true,
  receiveMaximum: 65_535,
  maxInflight: 65_535,
};

/** Knowledge of a scripted broker. */
class Bench {
  readonly logger = new RecordingLogger();
  readonly clock = new FakeClock();
  readonly broker: ScriptedBroker;
  readonly knowledge: BrokerKnowledge;
  settled = 0;

  constructor(broker: ScriptedBroker, protocolVersion: 4 | 5, isProbing: boolean) {
    this.broker = broker;
    const options = {
      broker: {
        url: broker.url,
        protocolVersion,
        keepaliveMs: 60_000,
        connectTimeoutMs: 10_000,
        ackTimeoutMs: 10_000,
        maxInflight: 100,
        isFastPath: true,
        tls: null,
      },
      service: () => null,
      isProbing,
      knownReport: null,
      usesDollarTopics: true,
      probeGapMs: GAP_MS,
      onProbeEnded: () => {},
      onSettled: () => {
        this.settled++;
      },
    };
    this.knowledge = new BrokerKnowledge(options, this.logger, this.clock);
  }

  /** Probes that have begun: each opens two sessions, the second one for the topics that may cost it. */
  get probes(): number {
    return Math.ceil(this.broker.packets('connect').length / 2);
  }

  async untilSettled(count: number): Promise<void> {
    await waitFor(() => this.settled === count, 10_000, `${count} probes to end`);
  }
}

interface BenchOptions {
  readonly behaviour?: Partial<ScriptedBehaviour>;
  readonly protocolVersion?: 4 | 5;
  readonly isProbing?: boolean;
}

function benchTest(name: string, run: (bench: Bench) => Promise<void>, options: BenchOptions = {}): void {
  test(`broker knowledge: ${name}`, async () => {
    const broker = await ScriptedBroker.start(options.behaviour);
    const bench = new Bench(broker, options.protocolVersion ?? 5, options.isProbing ?? true);
    try {
      await run(bench);
    } finally {
      await bench.knowledge.stop();
      await broker.stop();
    }
    assert.equal(bench.clock.pendingTimers, 0);
    assert.deepEqual(broker.violations, []);
  });
}

benchTest('is there after the first probe, without any client', async ({ knowledge, logger, ...bench }) => {
  assert.equal(knowledge.capabilities.isProbed, false);
  assert.equal(knowledge.capabilities.limits, null);
  knowledge.start();
  await waitFor(() => knowledge.capabilities.isProbed, 10_000, 'the probe');
  assert.equal(knowledge.features?.receiveMaximum, 65_535);
  assert.equal(knowledge.strategy?.overlap, 'identifiers');
  assert.deepEqual(
    logger.lines.map(({ level, event }) => [level, event]),
    [['info', 'upstream.probed']],
  );
  assert.equal(bench.broker.packets('connect').length, 2);
});

benchTest('small writes count as delayed until the first answers are there', async (bench) => {
  const { knowledge } = bench;
  assert.equal(knowledge.delaysSmallWrites, null, 'nobody asks');
  knowledge.start();
  assert.equal(knowledge.delaysSmallWrites, true);
  await bench.untilSettled(1);
  assert.equal(knowledge.delaysSmallWrites, false);
});

benchTest(
  'nothing is taken for granted where nobody asks',
  async ({ knowledge }) => {
    knowledge.start();
    knowledge.onConnack(CONNACK, false);
    assert.equal(knowledge.delaysSmallWrites, null);
  },
  { isProbing: false },
);

benchTest('clients that come and go ask nothing more', async (bench) => {
  bench.knowledge.start();
  await bench.untilSettled(1);
  for (let client = 0; client < 100; client++) bench.knowledge.onConnack(CONNACK, false);
  bench.clock.advance(10 * GAP_MS);
  assert.equal(bench.clock.pendingTimers, 0);
  assert.equal(bench.probes, 1);
  assert.equal(bench.logger.of('upstream.probed').length, 1);
  assert.equal(bench.logger.of('upstream.connected').length, 1);
});

benchTest(
  'an outage is followed by one probe, not before the gap, and the same answers are not news',
  async (bench) => {
    bench.knowledge.start();
    await bench.untilSettled(1);
    bench.knowledge.onConnack(CONNACK, false);
    for (let client = 0; client < 100; client++) bench.knowledge.onConnack(CONNACK, true);
    bench.clock.advance(GAP_MS - 1);
    assert.equal(bench.probes, 1);
    bench.clock.advance(1);
    await bench.untilSettled(2);
    bench.clock.advance(10 * GAP_MS);
    assert.equal(bench.probes, 2);
    assert.equal(bench.logger.of('upstream.probed').length, 1);
  },
);

benchTest(
  'another broker after an outage: its answers count, and what users will miss is said once',
  async (bench) => {
    bench.knowledge.start();
    await bench.untilSettled(1);
    const before = bench.knowledge.onConnack(CONNACK, false);
    bench.clock.advance(GAP_MS);
    Object.assign(bench.broker.behaviour, {
      overlapping: 'one-copy-one-id',
      noMatchingSubscribers: 0,
      publishVerdict: ({ topic }: { topic: string }) =>
        topic.startsWith('$') ? { disconnect: 0x90 } : 'accept',
    });
    assert.equal(before.acceptsDollarTopics, true);
    bench.knowledge.onConnack(CONNACK, true);
    await bench.untilSettled(2);
    assert.equal(bench.knowledge.strategy?.overlap, 'single');
    // Also for sessions that were there before.
    assert.equal(before.acceptsDollarTopics, false);
    const said = bench.logger.lines.filter(({ level }) => level === 'warn').map(({ event }) => event);
    assert.deepEqual(said, ['upstream.requests_time_out', 'upstream.dollar_topics']);
    assert.equal(bench.logger.of('upstream.probed').length, 2);
    bench.knowledge.onConnack(CONNACK, true);
    bench.clock.advance(GAP_MS);
    await bench.untilSettled(3);
    assert.equal(bench.logger.of('upstream.dollar_topics').length, 1);
  },
);

benchTest(
  'a CONNACK that is not like any before is followed by a probe; two kinds in turn are not',
  async (bench) => {
    bench.knowledge.start();
    await bench.untilSettled(1);
    const other = { ...CONNACK, receiveMaximum: 10 };
    bench.clock.advance(GAP_MS);
    bench.knowledge.onConnack(CONNACK, false);
    assert.equal(bench.probes, 1);
    bench.knowledge.onConnack(other, false);
    await bench.untilSettled(2);
    for (let round = 0; round < 20; round++) {
      bench.clock.advance(GAP_MS);
      bench.knowledge.onConnack(round % 2 === 0 ? CONNACK : other, false);
    }
    bench.clock.advance(GAP_MS);
    assert.equal(bench.probes, 2);
  },
);

benchTest('a question without answer keeps the earlier one, unless CONNACK is another', async (bench) => {
  bench.broker.behaviour.overlapping = 'one-copy-one-id';
  bench.knowledge.start();
  await bench.untilSettled(1);
  bench.broker.behaviour.subackCode = () => 0x87;
  for (const expected of ['single', null]) {
    bench.clock.advance(GAP_MS);
    const settled = bench.settled;
    bench.knowledge.onConnack(CONNACK, true);
    await bench.untilSettled(settled + 1);
    assert.equal(bench.knowledge.report.overlap, expected);
    bench.broker.behaviour.receiveMaximum = 10;
  }
});

benchTest(
  'a broker that was not there is asked when the first client has reached it, at once',
  async (bench) => {
    await bench.broker.stop();
    bench.knowledge.start();
    await bench.untilSettled(1);
    const failures = bench.logger.of('upstream.probe_failed');
    assert.equal(failures.length, 1);
    assert.match(failures[0]?.message ?? '', /no connection to the broker/);
    await bench.broker.restart();
    bench.knowledge.onConnack(CONNACK, false);
    await bench.untilSettled(2);
    assert.equal(bench.knowledge.capabilities.isProbed, true);
    assert.equal(bench.knowledge.report.overlap, 'identifiers');
  },
);

benchTest(
  'answers from before are kept when the broker takes no session any more, and that is said once',
  async (bench) => {
    bench.knowledge.start();
    await bench.untilSettled(1);
    bench.broker.behaviour.connackCode = () => 0x88;
    for (let round = 2; round < 4; round++) {
      bench.clock.advance(GAP_MS);
      bench.knowledge.onConnack(CONNACK, true);
      await bench.untilSettled(round);
    }
    assert.equal(bench.knowledge.report.overlap, 'identifiers');
    assert.equal(bench.logger.of('upstream.probe_failed').length, 1);
  },
);

benchTest(
  '0x10 from a client’s publication corrects the answer',
  async (bench) => {
    bench.knowledge.start();
    await bench.untilSettled(1);
    assert.equal(bench.knowledge.report.noMatchingSubscribers, false);
    assert.equal(bench.logger.of('upstream.requests_time_out').length, 1);
    for (let again = 0; again < 3; again++) bench.knowledge.onUnheard();
    assert.equal(bench.knowledge.report.noMatchingSubscribers, true);
    assert.deepEqual(bench.knowledge.capabilities.limitations, []);
    const probed = bench.logger.of('upstream.probed');
    assert.deepEqual(
      probed.map(({ fields }) => fields.noMatchingSubscribers),
      [false, true],
    );
  },
  { behaviour: { noMatchingSubscribers: 0 } },
);

benchTest(
  'MQTT 3.1.1: how subscriptions are served is open until the probe has seen it',
  async (bench) => {
    bench.broker.holdAcks('suback');
    bench.knowledge.start();
    await waitFor(() => bench.broker.heldAcks('suback') > 0, 5_000, 'the probe to begin');
    const features = bench.knowledge.onConnack({ ...CONNACK, protocolVersion: 4 }, false);
    assert.equal(features.isSettled, false);
    assert.equal(bench.logger.of('upstream.degraded').length, 0);
    bench.broker.releaseAcks('suback');
    await bench.untilSettled(1);
    assert.equal(features.isSettled, true);
    assert.equal(features.sharedSubscriptions, false);
    assert.equal(bench.logger.of('upstream.degraded').length, 1);
    assert.equal(bench.logger.of('upstream.no_shared_subscriptions').length, 1);
  },
  { protocolVersion: 4, behaviour: { sharedSubscriptionsDeliver: false } },
);

benchTest(
  'MQTT 3.1.1 without a probe: queue groups stay within the gateway, and that is said',
  async (bench) => {
    bench.knowledge.start();
    const features = bench.knowledge.onConnack({ ...CONNACK, protocolVersion: 4 }, false);
    assert.deepEqual([features.isSettled, features.sharedSubscriptions], [true, false]);
    assert.equal(bench.logger.of('upstream.no_shared_subscriptions').length, 1);
    assert.equal(bench.broker.connections.length, 0);
  },
  { protocolVersion: 4, isProbing: false },
);

benchTest(
  'a broker of MQTT 3.1.1 only: the log says which setting to change',
  async (bench) => {
    bench.knowledge.start();
    await bench.untilSettled(1);
    const errors = bench.logger.lines.filter(({ level }) => level === 'error' || level === 'warn');
    assert.deepEqual(
      errors.map(({ event, message }) => [event, message]),
      [
        [
          'upstream.protocol_version',
          'the broker speaks only MQTT 3.1.1: set upstream.protocol_version to 4',
        ],
      ],
    );
  },
  { behaviour: { connackCode: ({ protocolVersion }) => (protocolVersion === 5 ? 1 : 0) } },
);

benchTest('ends with its probe under way, and asks no more', async (bench) => {
  bench.broker.holdAcks('suback');
  bench.knowledge.start();
  await waitFor(() => bench.broker.heldAcks('suback') > 0, 5_000, 'the probe to begin');
  await bench.knowledge.stop();
  assert.equal(bench.logger.of('upstream.probed').length, 0);
  bench.knowledge.onConnack(CONNACK, true);
  bench.clock.advance(GAP_MS);
  assert.equal(bench.broker.packets('connect').length, 1);
});
