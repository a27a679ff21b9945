/**
 * What PONG and `+OK` promise: everything a client sent before has reached the broker and come back, in the order of
 * the operations, also under load and while subscriptions come and go.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, type TestContext, test } from 'node:test';
import type { NatsConnection } from '@nats-io/transport-node';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { Collected, connectNats } from '../support/nats.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';
import type { ScriptedBehaviour } from '../support/scripted-behaviour.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';
import { waitFor } from '../support/wait-for.ts';

/** Topics that gateways use among themselves. */
const MARKER = '_NMG/';

const numbers = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, index) => String(from + index));

const settingsFor = (broker: { readonly url: string }, probe = true) => ({
  upstream: { url: broker.url, sessions: 'separate', probe },
  log: { level: 'info', format: 'json' },
});

describe('barrier on a default Mosquitto, under load', () => {
  const ROUNDS = 120;
  const CLIENTS = 6;
  let broker: Mosquitto;
  let gateway: RunningGateway;

  before(async () => {
    broker = await startMosquitto();
    gateway = await startGateway(settingsFor(broker));
  });

  after(async () => {
    await gateway.stop();
    await broker.stop();
  });

  /** Publishes to its own subscription and flushes, over and over, while other subscriptions of its come and go. */
  async function flushLoop(nats: NatsConnection, name: string): Promise<void> {
    const own = new Collected(nats, `own.${name}`);
    let sent = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const passing = round % 3 === 0 ? nats.subscribe(`passing.${round % 7}`, { callback: () => {} }) : null;
      const count = 1 + ((round * 7) % 23);
      for (const text of numbers(count, sent)) nats.publish(`own.${name}`, text);
      sent += count;
      await nats.flush();
      // No other turn of the event loop has run since PONG was read.
      assert.equal(own.messages.length, sent, `${name}, round ${round}: messages before PONG`);
      nats.publish('passing.3', 'noise');
      passing?.unsubscribe();
    }
    assert.deepEqual(own.texts, numbers(sent));
  }

  for (const verbose of [false, true]) {
    test(`barrier: ${CLIENTS} clients flush at once, QoS ${verbose ? 1 : 0}`, async () => {
      const clients = await Promise.all(numbers(CLIENTS).map(() => connectNats(gateway, { verbose })));
      await Promise.all(clients.map((nats, index) => flushLoop(nats, `${verbose}-${index}`)));
      for (const nats of clients) await nats.close();
    });
  }

  test('barrier: QoS 0 and QoS 1 clients side by side', async () => {
    const clients = await Promise.all(
      numbers(CLIENTS).map((_, index) => connectNats(gateway, { verbose: index % 2 === 0 })),
    );
    await Promise.all(clients.map((nats, index) => flushLoop(nats, `mixed-${index}`)));
    for (const nats of clients) await nats.close();
  });

  for (const verbose of [false, true]) {
    test(`barrier: who flushes after another's flush has all of it, QoS ${verbose ? 1 : 0}`, async () => {
      const first = await connectNats(gateway, { verbose });
      const second = await connectNats(gateway, { verbose });
      const noise = await connectNats(gateway);
      const heard = new Collected(second, 'told');
      await second.flush();
      let sent = 0;
      for (let round = 0; round < ROUNDS; round++) {
        for (const text of numbers(20)) noise.publish('noise', text);
        for (const text of numbers(17, sent)) first.publish('told', text);
        sent += 17;
        await first.flush();
        await second.flush();
        assert.equal(heard.messages.length, sent, `round ${round}: messages of the other before PONG`);
      }
      assert.deepEqual(heard.texts, numbers(sent));
      for (const nats of [first, second, noise]) await nats.close();
    });
  }

  test('barrier: a subscription is in force for others as soon as its client has flushed', async () => {
    const subscriber = await connectNats(gateway);
    const publisher = await connectNats(gateway);
    for (const round of numbers(60)) {
      const heard = new Collected(subscriber, `fresh.${round}`);
      await subscriber.flush();
      publisher.publish(`fresh.${round}`, round);
      await publisher.flush();
      await subscriber.flush();
      assert.deepEqual(heard.texts, [round]);
      heard.subscription.unsubscribe();
    }
    await subscriber.close();
    await publisher.close();
  });

  test('barrier: after UNSUB and flush nothing is delivered, whatever is under way', async () => {
    const client = await connectRaw(gateway.host, gateway.port);
    const publisher = await connectNats(gateway);
    client.send('CONNECT {"verbose":false}\r\n');
    await client.pingPong();
    let isRunning = true;
    const flood = (async () => {
      while (isRunning) {
        for (const text of numbers(50)) publisher.publish('flood', text);
        await publisher.flush();
      }
    })();
    for (let round = 0; round < 40; round++) {
      client.send(`SUB flood ${round}\r\n`);
      await client.readUntil(`MSG flood ${round} `);
      client.send(`UNSUB ${round}\r\n`);
      await client.pingPong();
      await client.pingPong();
      assert.equal(client.unread.length, 0, 'bytes after the PONG that followed UNSUB');
    }
    isRunning = false;
    await flood;
    await client.close();
    await publisher.close();
  });

  test('drain: queue members that drain under load leave nothing behind, each message once', async () => {
    const MESSAGES = 20_000;
    const publisher = await connectNats(gateway);
    const stable = await connectNats(gateway);
    const seen = new Map<string, number>();
    const take = (text: string): void => {
      seen.set(text, (seen.get(text) ?? 0) + 1);
    };
    const join = (nats: NatsConnection) =>
      nats.subscribe('work.*', { queue: 'crew', callback: (_error, message) => take(message.string()) });
    join(stable);
    await stable.flush();
    let isRunning = true;
    const joinAndDrain = async (endsConnection: boolean): Promise<number> => {
      let drained = 0;
      const kept = endsConnection ? null : await connectNats(gateway);
      while (isRunning) {
        const nats = kept ?? (await connectNats(gateway));
        const member = join(nats);
        await nats.flush();
        const before = member.getReceived();
        await waitFor(() => !isRunning || member.getReceived() > before + 20, 10_000, 'a share of the work');
        if (endsConnection) await nats.drain();
        else await member.drain();
        drained++;
      }
      await kept?.close();
      return drained;
    };
    const members = [joinAndDrain(false), joinAndDrain(true), joinAndDrain(true)];
    for (let sent = 0; sent < MESSAGES; sent += 50) {
      for (const text of numbers(50, sent)) publisher.publish(`work.${sent % 3}`, text);
      await publisher.flush();
    }
    isRunning = false;
    const drains = (await Promise.all(members)).reduce((sum, count) => sum + count, 0);
    await stable.flush();
    assert.ok(drains >= 10, `only ${drains} members drained during the load`);
    assert.deepEqual(
      numbers(MESSAGES).filter((text) => seen.get(text) !== 1),
      [],
      'messages not seen exactly once',
    );
    await publisher.close();
    await stable.close();
  });
});

describe('barrier with a scripted broker', () => {
  let broker: ScriptedBroker;
  let gateway: RunningGateway;
  let client: RawClient;

  async function start(
    context: TestContext,
    verbose: boolean,
    behaviour: Partial<ScriptedBehaviour> = {},
  ): Promise<void> {
    broker = await ScriptedBroker.start(behaviour);
    context.after(() => broker.stop());
    gateway = await startGateway(settingsFor(broker, false));
    context.after(() => gateway.stop());
    client = await connectRaw(gateway.host, gateway.port);
    context.after(() => client.reset());
    client.send(`CONNECT {"verbose":${verbose},"protocol":0,"headers":true,"no_responders":true}\r\n`);
    if (verbose) await client.expect('+OK\r\n');
    await client.pingPong();
  }

  afterEach(() => assert.deepEqual(broker.violations, []));

  /** Another client's flush has passed everything by which the answer could have come too early. */
  async function assertSilent(what: string): Promise<void> {
    const other = await connectRaw(gateway.host, gateway.port);
    for (let round = 0; round < 3; round++) await other.pingPong();
    await other.close();
    assert.equal(client.unread.toString(), '', what);
  }

  /** Publications of clients, markers left out. */
  const published = (): string[] =>
    broker
      .packets('publish')
      .map((packet) => packet.topic)
      .filter((topic) => !topic.startsWith(MARKER));

  for (const verbose of [false, true]) {
    test(`barrier: no PONG before SUBACK, verbose ${verbose}`, async (context) => {
      await start(context, verbose);
      broker.holdAcks('suback');
      client.send('SUB a 1\r\nPING\r\n');
      await waitFor(() => broker.heldAcks('suback') > 0, 5_000, 'SUBSCRIBE');
      await assertSilent('an answer before SUBACK');
      broker.releaseAcks('suback');
      await client.expect(verbose ? '+OK\r\nPONG\r\n' : 'PONG\r\n');
    });

    test(`barrier: no PONG before UNSUBACK, verbose ${verbose}`, async (context) => {
      await start(context, verbose);
      client.send('SUB a 1\r\n');
      await client.pingPong();
      broker.holdAcks('unsuback');
      client.send('UNSUB 1\r\nPING\r\n');
      await waitFor(() => broker.heldAcks('unsuback') === 1, 5_000, 'UNSUBSCRIBE');
      await assertSilent('an answer before UNSUBACK');
      broker.releaseAcks('unsuback');
      await client.expect(verbose ? '+OK\r\nPONG\r\n' : 'PONG\r\n');
    });
  }

  test('barrier: no +OK and no PONG before PUBACK', async (context) => {
    await start(context, true);
    broker.holdPubacks();
    client.send('PUB a 1\r\nx\r\nPUB a 1\r\ny\r\nPING\r\n');
    await waitFor(() => broker.heldAcks('puback') === 2, 5_000, 'two PUBLISHes');
    await assertSilent('an answer before PUBACK');
    broker.releasePubacks();
    await client.expect('+OK\r\n+OK\r\nPONG\r\n');
  });

  test('barrier: a request without verbose holds PONG back until its PUBACK', async (context) => {
    await start(context, false);
    client.send('SUB inbox 1\r\n');
    await client.pingPong();
    broker.holdPubacks();
    client.send('PUB a inbox 1\r\nx\r\nPING\r\n');
    await waitFor(() => broker.heldAcks('puback') === 1, 5_000, 'the request');
    await assertSilent('PONG before PUBACK');
    broker.releasePubacks();
    await client.expect(/HMSG inbox 1 (\d+) \1\r\nNATS\/1\.0 503\r\n[^P]*PONG\r\n/);
  });

  test('barrier: no PONG before a QoS 0 publication has come back to its own publisher', async (context) => {
    await start(context, false);
    client.send('SUB a 1\r\nPING\r\n');
    await client.expect('PONG\r\n');
    client.send('PUB a 1\r\nx\r\nPUB a 1\r\ny\r\nPING\r\n');
    await client.expect('MSG a 1 1\r\nx\r\nMSG a 1 1\r\ny\r\nPONG\r\n');
  });

  test('barrier: answers keep the order of the operations, whatever the broker confirms first', async (context) => {
    await start(context, true);
    client.send('SUB kept 1\r\n');
    await client.expect('+OK\r\n');
    broker.holdAcks('suback');
    broker.holdAcks('unsuback');
    client.send('SUB b 2\r\nSUB b..c 3\r\nUNSUB 1\r\nUNSUB 9\r\nPING\r\n');
    await waitFor(() => broker.heldAcks('unsuback') === 1, 5_000, 'UNSUBSCRIBE');
    broker.releaseAcks('unsuback');
    await assertSilent('an answer that overtook +OK of the first operation');
    broker.releaseAcks('suback');
    // nats-server 2.9.10 gives the same lines, and the three below.
    await client.expect("+OK\r\n-ERR 'Invalid Subject'\r\n+OK\r\n+OK\r\nPONG\r\n");
    broker.holdPubacks();
    client.send('PUB a 1\r\nx\r\nSUB c 4\r\nPING\r\n');
    await waitFor(() => broker.heldAcks('puback') > 0, 5_000, 'PUBLISH');
    await assertSilent('an answer before PUBACK');
    broker.releasePubacks();
    await client.expect('+OK\r\n+OK\r\nPONG\r\n');
  });

  test('barrier: a refusal among PUBACKs goes to its own PUB', async (context) => {
    await start(context, true);
    broker.behaviour.publishVerdict = ({ topic }) => (topic === 'bad' ? { puback: 0x87 } : 'accept');
    broker.holdPubacks();
    client.send('PUB good 1\r\nx\r\n');
    await waitFor(() => broker.heldAcks('puback') === 1, 5_000, 'the first PUBLISH');
    client.send('PUB bad 1\r\ny\r\nPUB good 1\r\nz\r\nPING\r\n');
    await waitFor(() => broker.heldAcks('puback') === 3, 5_000, 'all PUBLISHes');
    await assertSilent('an answer before PUBACK');
    broker.releasePubacks();
    await client.expect('+OK\r\n-ERR \'Permissions Violation for Publish to "bad"\'\r\n+OK\r\nPONG\r\n');
  });

  for (const verbose of [false, true]) {
    test(`barrier: PUB waits for the SUBACKs of earlier SUBs, verbose ${verbose}`, async (context) => {
      await start(context, verbose);
      broker.holdAcks('suback');
      client.send('SUB a 1\r\nSUB b 2\r\nPUB a 1\r\nx\r\n');
      await waitFor(() => broker.heldAcks('suback') === 2, 5_000, 'both SUBSCRIBEs');
      await assertSilent('an answer before SUBACK');
      assert.deepEqual(published(), [], 'a PUBLISH before the SUBACK');
      broker.releaseAcks('suback');
      const ok = verbose ? '+OK\r\n' : '';
      await client.readUntil('MSG a 1 1\r\nx\r\n');
      assert.deepEqual(published(), ['a']);
      if (verbose) assert.equal((await client.pingPong()).toString(), `${ok}PONG\r\n`);
    });
  }

  test('unsub: copies go on until UNSUBACK, later PUBs wait for it, and nothing comes after it', async (context) => {
    await start(context, false);
    client.send('SUB a 1\r\nSUB b 2\r\nPUB c 1\r\nx\r\n');
    await client.pingPong();
    broker.holdAcks('unsuback');
    const session = broker.sessions.find((one) => one.subscriptions.has('a'));
    const id = session?.subscriptions.get('a')?.id ?? 0;
    const copy = (text: string) =>
      session?.send({
        cmd: 'publish',
        topic: 'a',
        payload: text,
        qos: 0,
        dup: false,
        retain: false,
        properties: { subscriptionIdentifier: id },
      });
    const before = published().length;
    client.send('UNSUB 1\r\nPUB c 1\r\ny\r\n');
    await waitFor(() => broker.heldAcks('unsuback') === 1, 5_000, 'UNSUBSCRIBE');
    copy('late');
    await client.expect('MSG a 1 4\r\nlate\r\n');
    await assertSilent('anything but the late copy');
    assert.equal(published().length, before, 'the PUB overtook the UNSUB');
    broker.releaseAcks('unsuback');
    await client.pingPong();
    assert.equal(published().length, before + 1);
    copy('too late');
    broker.publish({ topic: 'b', payload: Buffer.from('next') });
    await client.expect('MSG b 2 4\r\nnext\r\n');
  });

  test('unsub: where others share the filter, a barrier ends it and the filter stays', async (context) => {
    await start(context, false);
    client.send('SUB a 1\r\nSUB a 2\r\nPUB c 1\r\nx\r\n');
    await client.pingPong();
    client.send('UNSUB 1\r\nPUB a 1\r\ny\r\nPING\r\n');
    await client.expect('MSG a 2 1\r\ny\r\nPONG\r\n');
    assert.deepEqual(broker.packets('unsubscribe'), []);
  });

  test('unsub: SUB and UNSUB of one sid in one burst end with exactly the last subscription', async (context) => {
    await start(context, false);
    let burst = '';
    for (let round = 0; round < 50; round++) burst += 'SUB a 1\r\nUNSUB 1\r\n';
    client.send(`${burst}SUB a 1\r\nPUB a 1\r\nx\r\nPING\r\n`);
    await client.expect('MSG a 1 1\r\nx\r\nPONG\r\n');
    assert.deepEqual(
      broker.filters.filter((filter) => !filter.startsWith(MARKER)),
      ['a'],
    );
  });

  test('drain: queue members on a broker without shared subscriptions, each message once', async (context) => {
    await start(context, false, { sharedSubscriptionAvailable: false });
    const seen: string[] = [];
    const take = (text: string): void => {
      seen.push(text);
    };
    const members = await Promise.all(numbers(4).map(() => connectNats(gateway)));
    const subscriptions = members.map((nats) =>
      nats.subscribe('work', { queue: 'crew', callback: (_error, message) => take(message.string()) }),
    );
    for (const nats of members) await nats.flush();
    let sent = 0;
    const publish = async (count: number): Promise<void> => {
      for (const text of numbers(count, sent)) client.send(`PUB work ${text.length}\r\n${text}\r\n`);
      sent += count;
      await client.pingPong();
    };
    // The first member is the one through whose session the group receives: its end makes another take over.
    for (const subscription of subscriptions.slice(0, 3)) {
      const draining = publish(200);
      await subscription.drain();
      await draining;
      await publish(100);
    }
    for (const nats of members) await nats.flush();
    assert.deepEqual([...seen].sort(), numbers(sent).sort());
    for (const nats of members) await nats.close();
  });

  /** More than the gateway lets a broker have in flight towards it, so that the rest waits in the broker. */
  const BACKLOG = 1_500;

  for (const subscriberOnly of [false, true]) {
    const who = subscriberOnly ? 'a client that only subscribes' : 'a client that also publishes';
    test(`barrier: no PONG before QoS 1 messages that the broker holds back; ${who}`, async (context) => {
      await start(context, true, { qos0Overtakes: true });
      client.send(`SUB a 1\r\n${subscriberOnly ? '' : 'PUB c 1\r\nx\r\n'}`);
      await client.pingPong();
      // They are routed in the moment before the marker: it finds the Receive Maximum of the subscriber used up.
      broker.behaviour.publishVerdict = ({ topic }) => {
        if (!topic.startsWith(MARKER)) return 'accept';
        broker.behaviour.publishVerdict = () => 'accept';
        for (const text of numbers(BACKLOG))
          broker.publish({ topic: 'a', payload: Buffer.from(text), qos: 1 });
        return 'accept';
      };
      const received = (await client.pingPong()).toString().split('MSG a 1 ').length - 1;
      assert.equal(received, BACKLOG);
    });
  }

  test('unsub: QoS 1 messages that the broker holds back still arrive', async (context) => {
    await start(context, true, { qos0Overtakes: true });
    client.send('SUB a q 1\r\nPUB c 1\r\nx\r\n');
    await client.pingPong();
    for (const text of numbers(3 * BACKLOG))
      broker.publish({ topic: 'a', payload: Buffer.from(text), qos: 1 });
    client.send('UNSUB 1\r\n');
    const received = (await client.pingPong()).toString().split('MSG a 1 ').length - 1;
    assert.equal(received, 3 * BACKLOG);
  });

  const REFUSALS: readonly [string, Partial<ScriptedBehaviour>][] = [
    [
      'PUBLISH of the marker is swallowed',
      { publishVerdict: ({ topic }) => (topic.startsWith(MARKER) ? { puback: 0x87 } : 'accept') },
    ],
    [
      'SUBSCRIBE to the marker is refused',
      { subackCode: ({ topic }, granted) => (topic.startsWith(MARKER) ? 0x87 : granted) },
    ],
  ];
  for (const [what, behaviour] of REFUSALS) {
    for (const verbose of [false, true]) {
      test(`barrier: PINGREQ serves where ${what}, verbose ${verbose}`, async (context) => {
        await start(context, verbose, behaviour);
        client.send('SUB a 1\r\n');
        for (let round = 0; round < 20; round++) {
          for (const text of numbers(10)) client.send(`PUB a 1\r\n${text}\r\n`);
          const copies = (await client.pingPong()).toString().split('MSG a 1 1\r\n').length - 1;
          assert.equal(copies, 10, `round ${round}: messages before PONG`);
        }
        assert.equal(gateway.logLines('upstream.marker_unavailable').length, 1);
        assert.ok(published().length === 200 && broker.packets('publish').length <= 201, 'markers go on');
        assert.ok(broker.packets('pingreq').length >= 40, 'each flush takes a PINGREQ on both sessions');
      });
    }
  }
});

describe('barrier on a Mosquitto whose access list does not let the marker through', () => {
  for (const verbose of [false, true]) {
    test(`barrier: flush stays complete, verbose ${verbose}`, async (context) => {
      const broker = await startMosquitto({ acl: 'topic readwrite app/#\n' });
      context.after(() => broker.stop());
      const gateway = await startGateway(settingsFor(broker));
      context.after(() => gateway.stop());
      const nats = await connectNats(gateway, { verbose });
      const publisher = await connectNats(gateway, { verbose });
      const own = new Collected(nats, 'app.own');
      const told = new Collected(nats, 'app.told');
      await nats.flush();
      for (let round = 1; round <= 15; round++) {
        for (const text of numbers(10)) publisher.publish('app.told', text);
        for (const text of numbers(10)) nats.publish('app.own', text);
        await publisher.flush();
        await nats.flush();
        assert.equal(own.messages.length, 10 * round);
        assert.equal(told.messages.length, 10 * round);
      }
      assert.equal(
        gateway.logLines('upstream.marker_unavailable').length,
        1,
        'the publisher needs no marker',
      );
      await nats.close();
      await publisher.close();
    });
  }
});
