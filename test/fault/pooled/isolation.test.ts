/**
 * No client can harm another: what would end a session on some broker is stopped before it is sent. For each case an
 * innocent neighbour on the same session pair must go on as if nothing had been.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type GatewaySettings, type RunningGateway, startGateway } from '../../support/gateway.ts';
import type { RawClient } from '../../support/raw-client.ts';
import type { ScriptedBehaviour } from '../../support/scripted-behaviour.ts';
import { ScriptedBroker } from '../../support/scripted-broker.ts';
import { waitFor } from '../../support/wait-for.ts';
import { connectClient } from '../clients.ts';

const open: { stop(): Promise<unknown> }[] = [];
after(async () => {
  for (const one of open.reverse()) await one.stop();
});

/** A broker, a gateway with one pair in front of it, and the neighbour that both of its sessions serve. */
class Neighbourhood {
  readonly broker: ScriptedBroker;
  readonly gateway: RunningGateway;
  readonly neighbour: RawClient;
  readonly #connections: number;
  readonly #mountpoint: string;
  #messages = 0;

  private constructor(broker: ScriptedBroker, gateway: RunningGateway, neighbour: RawClient) {
    this.broker = broker;
    this.gateway = gateway;
    this.neighbour = neighbour;
    this.#connections = broker.connections.length;
    this.#mountpoint = gateway.config.mountpoint;
  }

  static async start(behaviour: Partial<ScriptedBehaviour>, settings: Settings): Promise<Neighbourhood> {
    const broker = await ScriptedBroker.start(behaviour);
    open.push(broker);
    const { upstream, ...others } = settings;
    const gateway = await startGateway({
      max_control_line: '1MB',
      ...others,
      upstream: { url: broker.url, probe: false, mode: 'pooled', pool_size: 1, ...upstream },
    });
    open.push(gateway);
    const neighbour = await connectClient(gateway, { verbose: true });
    neighbour.answerPings();
    neighbour.send('SUB near 1\r\nPUB first 0\r\n\r\n');
    await neighbour.pingPong();
    return new Neighbourhood(broker, gateway, neighbour);
  }

  async attacker(connect: object = {}): Promise<RawClient> {
    const client = await connectClient(this.gateway, { headers: true, no_responders: true, ...connect });
    client.answerPings();
    return client;
  }

  /** The neighbour still receives and publishes, over the very sessions it had from the start. */
  async assertUntouched(what: string): Promise<void> {
    const payload = String(this.#messages++);
    this.broker.publish({ topic: `${this.#mountpoint}near`, payload: Buffer.from(payload) });
    const frame = `MSG near 1 ${payload.length}\r\n${payload}\r\n`;
    await this.neighbour.expect(frame);
    this.neighbour.send('PUB far 0\r\n\r\n');
    await this.neighbour.expect('+OK\r\n');
    assert.deepEqual(this.broker.violations, [], what);
    assert.equal(this.broker.connections.length, this.#connections, `${what}: no session was lost`);
    assert.equal(this.gateway.gateway.status().counters.upstreamDisconnects, 0, what);
    assert.deepEqual(this.gateway.logLines('client.internal_error'), [], what);
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    await this.broker.stop();
  }
}

interface Settings extends GatewaySettings {
  readonly upstream?: object;
}

interface Case {
  readonly name: string;
  readonly behaviour?: Partial<ScriptedBehaviour>;
  readonly settings?: Settings;
  readonly connect?: object;
  /** Sent one after the other, each by a client of its own. */
  readonly send: readonly (string | Buffer)[];
}

const pub = (subject: string, payload = '', reply = ''): string =>
  `PUB ${subject} ${reply}${reply === '' ? '' : ' '}${Buffer.byteLength(payload)}\r\n${payload}\r\n`;

const sub = (subject: string, queue = ''): string => `SUB ${subject} ${queue} 1\r\n`;

function hpub(block: string, payload = ''): Buffer {
  const headers = Buffer.from(block, 'utf8');
  const body = Buffer.from(payload);
  const line = Buffer.from(`HPUB h ${headers.length} ${headers.length + body.length}\r\n`);
  return Buffer.concat([line, headers, body, Buffer.from('\r\n')]);
}

const lines = (...all: string[]): Buffer =>
  hpub(`NATS/1.0\r\n${all.map((line) => `${line}\r\n`).join('')}\r\n`);

/** Each of them makes one broker or another close the connection. */
const FORBIDDEN = ['\u0001', '\u001f', '\u007f', '\u0085', '\u009f', '\ufdd0', '\ufffe', '\uffff'];
const DEEP = `${'a.'.repeat(128)}a`;
const LONG = 'v'.repeat(70_000);
const LARGE = { max_payload: '8MB' };
const DOLLAR = { mapping: { allow_dollar: ['$share'] } };
const FULL_LENGTH = { mapping: { max_topic_bytes: 65_535 } };

const CASES: readonly Case[] = [
  {
    name: 'topics with too many levels',
    send: [pub(DEEP), sub(DEEP), pub('x', '', DEEP)],
  },
  {
    name: 'a filter with too many levels with its share name',
    send: [sub(`${'a.'.repeat(126)}a`, 'q')],
  },
  {
    name: 'topics that are longer than the broker takes',
    behaviour: { maximumTopicBytes: 4096 },
    send: [pub('a'.repeat(4097)), sub('a'.repeat(4097)), pub('/'.repeat(2000)), sub('a'.repeat(5000), 'q')],
  },
  {
    name: 'names that are longer than a string',
    settings: FULL_LENGTH,
    send: [
      pub('a'.repeat(65_536)),
      pub('é'.repeat(32_768)),
      sub('a'.repeat(65_536)),
      sub('a'.repeat(65_530), 'queue'),
      sub('a', 'q'.repeat(65_530)),
      pub('a', '', 'r'.repeat(65_536)),
    ],
  },
  {
    name: 'a token that is longer than Correlation Data can be',
    settings: FULL_LENGTH,
    send: [
      pub('a', '', 'r'.repeat(65_533)),
      pub(`_MR_.${Buffer.alloc(65_537).toString('base64url')}.a`),
      pub('a', '', `_MR_.${Buffer.alloc(65_537).toString('base64url')}.a`),
      lines(`Mqtt-Correlation-Data: ${Buffer.alloc(65_536).toString('base64url')}`),
    ],
  },
  {
    name: 'forbidden characters in names',
    send: FORBIDDEN.flatMap((char) => [
      pub(`a${char}b`),
      sub(`a${char}b`),
      sub('a', `q${char}`),
      pub('a', '', `r${char}`),
    ]),
  },
  {
    name: 'forbidden characters in header names, values and control headers',
    send: [...FORBIDDEN, '\t', '\0'].flatMap((char) => [
      lines(`A${char}: b`),
      lines(`A: b${char}c`),
      lines(`Mqtt-Content-Type: text${char}`),
      lines(`Mqtt-Response-Topic: a${char}b`),
    ]),
  },
  {
    name: 'wildcards in names, and an empty Response Topic',
    send: [
      pub('a.+'),
      pub('#'),
      pub('a.*.>'),
      pub('a', '', 'r.+'),
      pub('a', '', 'r.#'),
      sub('+.#'),
      lines('Mqtt-Response-Topic: a/+'),
      lines('Mqtt-Response-Topic: a/#'),
      lines('Mqtt-Response-Topic:'),
      lines('Mqtt-Response-Topic: '),
    ],
  },
  {
    name: 'more header lines than properties are taken',
    settings: LARGE,
    connect: { echo: false },
    send: [48, 49, 51, 52, 2_000].map((count) =>
      lines(...Array.from({ length: count }, (_, i) => `K${i}: v`)),
    ),
  },
  {
    name: 'header blocks that need many parts',
    settings: LARGE,
    connect: { echo: false },
    send: [
      hpub(`NATS/1.0\r\n${'A: b\r\n'.repeat(48)}X: ${'x'.repeat(500_000)}\r\n\r\n`),
      hpub(`NATS/1.0\r\n${'A: b\r\n'.repeat(48)}X: ${'x'.repeat(1_040_000)}\r\n\r\n`),
      hpub(`NATS/1.0\r\nX: ${'x'.repeat(3_000_000)}\r\n\r\n`),
    ],
  },
  {
    name: 'header names and values that are longer than a string',
    send: [
      lines(`A: ${LONG}`),
      lines(`${LONG}: a`),
      lines(`Mqtt-Content-Type: ${LONG}`),
      lines(`Mqtt-Response-Topic: ${LONG}`),
    ],
  },
  {
    name: 'a message expiry that no field can hold',
    send: ['4294967296', '-1', '1e3', '99999999999999999999', '0', '4294967295'].map((value) =>
      lines(`Mqtt-Message-Expiry: ${value}`),
    ),
  },
  {
    name: 'messages beyond Maximum Packet Size',
    behaviour: { maximumPacketSize: 20_000 },
    settings: { mountpoint: `${'m'.repeat(2_000)}/`, mapping: { max_topic_bytes: 16_384 } },
    send: [
      pub('a', 'x'.repeat(20_000)),
      pub('a', 'x'.repeat(17_950)),
      pub('a', 'x'.repeat(14_000), 'r'.repeat(3_900)),
      hpub(`NATS/1.0\r\nA: ${'x'.repeat(12_000)}\r\n\r\n`, 'x'.repeat(7_000)),
      hpub(`NATS/1.0\r\nMqtt-Content-Type: ${'x'.repeat(6_000)}\r\nB:b\r\n\r\n`, 'x'.repeat(100)),
    ],
  },
  {
    name: 'SUBSCRIBEs beyond Maximum Packet Size',
    behaviour: { maximumPacketSize: 200 },
    send: [sub('a'.repeat(195)), sub('a'.repeat(170), 'q'.repeat(20)), `${sub('a'.repeat(150))}UNSUB 1\r\n`],
  },
  {
    name: 'QoS 1 and retain where the broker has neither',
    behaviour: { maximumQoS: 0, retainAvailable: false },
    connect: { verbose: true },
    send: [pub('a'), lines('Mqtt-Qos: 2', 'Mqtt-Retain: true'), sub('b')],
  },
  ...[1, 2, 10].map((receiveMaximum) => ({
    name: `a flood of QoS 1 with a Receive Maximum of ${receiveMaximum}`,
    behaviour: { receiveMaximum, ackDelayMs: 1 },
    connect: { verbose: true },
    send: [pub('a').repeat(300)],
  })),
  {
    name: 'wildcards where the broker has none',
    behaviour: { wildcardSubscriptionAvailable: false },
    send: [sub('a.*'), sub('>'), sub('a.>', 'q')],
  },
  {
    name: 'queue groups where the broker has no shared subscriptions',
    behaviour: { sharedSubscriptionAvailable: false },
    send: [sub('a.*', 'q'), sub('near', 'q')],
  },
  {
    name: 'overlapping subscriptions where the broker has no identifiers',
    behaviour: { subscriptionIdentifiersAvailable: false, overlapping: 'copies-no-id' },
    send: [`${sub('a.*')}SUB a.> 2\r\nSUB a.b 3\r\n${pub('a.b')}`],
  },
  ...(['escape', 'emqx', 'nats-server'] as const).map((profile) => ({
    name: `malformed shared subscriptions (profile ${profile})`,
    settings: { mapping: { profile, allow_dollar: ['$share'] } },
    send: [
      sub('$share'),
      sub('$share.g'),
      sub('$share.>'),
      sub('$share.*.x'),
      sub('$share.g.>'),
      sub('$share.g.$share.h.x'),
      sub('$share.g.x', 'q'),
      sub('$share./.x'),
      sub('$share.%.x'),
      sub('$share.g.%'),
      sub('a', '+'),
      sub('a', '#'),
      sub('a', '/'),
      sub('a', 'g/h'),
      sub('a', '%'),
    ],
  })),
  {
    name: 'topics that belong to the broker or to the gateway',
    send: ['$share.g.x', '$SYS.x', '$CONTROL.x', '$delayed.1.x', '_NMG.x', '$file.x'].flatMap((name) => [
      pub(name),
      pub('a', '', name),
    ]),
  },
  {
    name: 'filters by which the broker takes orders',
    send: ['$share.g.x', '$queue.x', '$exclusive.x', '$q.x', '$stream.x', '$s.x', '_NMG.>'].map((name) =>
      sub(name),
    ),
  },
  {
    name: 'nothing but separators',
    settings: DOLLAR,
    send: [pub('.'), pub('a.'), pub('..'), sub('.'), sub('a..b'), pub('%'), sub('%.%'), pub('$'), sub('$')],
  },
];

for (const { name, behaviour = {}, settings = {}, connect = {}, send } of CASES) {
  test(`isolation: ${name}`, async () => {
    const place = await Neighbourhood.start(behaviour, settings);
    for (const [i, operation] of send.entries()) {
      const client = await place.attacker(connect);
      const answered = client.pingPong(15_000).catch(() => client.closed());
      client.send(operation);
      client.send('PING\r\n');
      await answered;
      await place.assertUntouched(`${name} (${i})`);
      await client.close();
    }
    await place.neighbour.close();
    await place.stop();
  });
}

test('isolation: a send window of all packet ids never uses one twice', async () => {
  const place = await Neighbourhood.start({}, { upstream: { max_inflight: 65_535, ack_timeout: '120s' } });
  const { broker } = place;
  // One client alone may not have that many unanswered.
  const clients = await Promise.all(Array.from({ length: 20 }, () => place.attacker({ verbose: true })));
  broker.holdPubacks();
  for (const client of clients) client.send(pub('a').repeat(4_096));
  await waitFor(() => broker.heldAcks('puback') > 60_000, 60_000, 'the window to be full');
  for (const client of clients) client.send('SUB s 1\r\n');
  broker.releasePubacks();
  const isDone = (): boolean => place.gateway.gateway.status().counters.clientMessagesIn > 20 * 4_096;
  await waitFor(isDone, 60_000, 'the rest');
  await waitFor(() => place.gateway.gateway.status().upstream.unacknowledged === 0, 60_000, 'all PUBACKs');
  for (const client of clients) client.reset();
  await place.assertUntouched('packet ids');
  await place.neighbour.close();
  await place.stop();
});

test('isolation: what devices send cannot harm either: oversized, misnamed, with line breaks', async () => {
  const place = await Neighbourhood.start({}, {});
  const client = await place.attacker();
  client.send('SUB dev.> 1\r\n');
  await client.pingPong();
  const { broker } = place;
  broker.publish({ topic: 'dev/large', payload: Buffer.alloc(2_000_000, 'x') });
  await client.readUntil('MSG dev.large 1 2000000\r\n');
  for (const topic of ['dev/a\r\nPUB x 0', 'dev/\0', 'dev/+/#', 'dev/\tb', 'dev/\u0085']) {
    broker.publish({ topic, payload: Buffer.from('bad') });
  }
  const userProperties = { 'a\r\nb': 'c', d: 'e\r\nMqtt-Retain: true', f: 'x'.repeat(60_000) };
  broker.publish({ topic: 'dev/p', properties: { userProperties, responseTopic: 'a\r\nb' } });
  broker.publish({ topic: 'dev/r', properties: { userProperties: { 'nmg-headers': 'A'.repeat(60_000) } } });
  broker.publish({ topic: 'dev/end', payload: Buffer.from('x') });
  const answer = (await client.readUntil('MSG dev.end 1 1\r\nx\r\n')).toString('latin1');
  assert.doesNotMatch(answer, /bad/);
  await place.assertUntouched('device messages');
  await client.close();
  await place.neighbour.close();
  await place.stop();
});
