/**
 * What operators see of a gateway and tell it to do, whether it has one process or several: whoever asks must not have to
 * know. Run by the test files next to this one.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import type { ClientDetail, ClientQuery } from '../../../src/control/client-view.ts';
import type { GatewayControl } from '../../../src/control/gateway-control.ts';
import {
  MAX_TAPS,
  type TapDirection,
  type TapEvent,
  type TapMessage,
  type TapRequest,
} from '../../../src/control/tap.ts';
import { TestAuthority } from '../../support/certs.ts';
import type { GatewaySettings } from '../../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { collect, connectNats } from '../../support/nats.ts';
import { connectRaw, type RawClient } from '../../support/raw-client.ts';
import { isPooled } from '../../support/variants.ts';
import { waitFor } from '../../support/wait-for.ts';

/** What the tests need of a gateway. */
export interface ControlledGateway {
  readonly control: Omit<GatewayControl, 'reload'>;
  /** Of the first listener. */
  readonly port: number;
  stop(): Promise<void>;
}

/** One of several processes, or the only one. */
export interface Setting {
  readonly workers: number;
  start(settings: GatewaySettings): Promise<ControlledGateway>;
}

const TAP: TapRequest = { durationMs: 60_000, maxPerSecond: 100, payloadBytes: 0 };
const OPEN: ClientQuery = { state: 'open', sort: 'cid', offset: 0, limit: 100, withDetails: true };
const CLOSED: ClientQuery = { ...OPEN, state: 'closed' };

/** Registers the tests. */
export function testControl({ workers, start }: Setting): void {
  const authority = new TestAuthority();
  const certificate = authority.issue({ subject: '/O=Acme/CN=gateway' });
  const open: (() => Promise<void>)[] = [];
  let broker: Mosquitto;
  let gateway: ControlledGateway;
  let control: ControlledGateway['control'];

  before(async () => {
    broker = await startMosquitto();
    const tls = { cert_file: certificate.certFile, key_file: certificate.keyFile };
    gateway = await start({
      workers,
      upstream: { url: broker.url },
      mountpoint: 'site/',
      default_permissions: { publish: { deny: ['secret.>'] } },
      listeners: [
        { name: 'main', type: 'tcp', bind: '127.0.0.1:0', max_connections: 8 },
        { name: 'secure', type: 'tls', bind: '127.0.0.1:0', tls },
      ],
    });
    control = gateway.control;
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((close) => close()));
    await waitFor(async () => (await page()).total === 0, 5_000, 'all clients to be gone');
  });
  after(async () => {
    await gateway.stop();
    await broker.stop();
    authority.remove();
  });

  const page = (query: Partial<ClientQuery> = {}) => control.clients({ ...OPEN, ...query });
  const target = () => ({ url: `nats://127.0.0.1:${gateway.port}` });
  async function nats(name: string): Promise<NatsConnection> {
    const client = await connectNats(target(), { name });
    open.push(() => client.close());
    return client;
  }
  async function raw(): Promise<RawClient> {
    const client = await connectRaw('127.0.0.1', gateway.port);
    open.push(() => client.close());
    return client;
  }
  async function named(name: string): Promise<ClientDetail> {
    const { clients } = await page({ search: name });
    const [one] = clients;
    assert.ok(one !== undefined && clients.length === 1, `one client is called ${name}`);
    return one;
  }

  test('control: numbers of clients agree exactly with what was sent', async () => {
    const beforeMs = Date.now();
    const sender = await nats('sender');
    const receivers = [await nats('receiver-1'), await nats('receiver-2')];
    const collected = await Promise.all(receivers.map((one) => collect(one, 'news.>')));
    const before = (await control.overview()).counters;
    const withHeaders = headers();
    withHeaders.set('a', 'b');
    for (let i = 0; i < 20; i++) sender.publish('news.x', 'payload');
    for (let i = 0; i < 5; i++) sender.publish('news.y', 'payload', { headers: withHeaders });
    await sender.flush();
    await Promise.all(collected.map((one) => one.count(25)));
    await receivers[0]?.flush();

    const headerBytes = 'NATS/1.0\r\na: b\r\n\r\n'.length;
    const bytes = 25 * 'payload'.length + 5 * headerBytes;
    const view = await named('sender');
    assert.deepEqual([view.inMessages, view.inBytes, view.outMessages, view.outBytes], [25, bytes, 0, 0]);
    const receiver = await named('receiver-1');
    assert.deepEqual(
      [receiver.inMessages, receiver.outMessages, receiver.outBytes, receiver.subscriptions],
      [0, 25, bytes, 1],
    );
    const [subscription] = receiver.subscriptionList;
    assert.deepEqual(subscription, {
      cid: receiver.cid,
      subject: 'news.>',
      queue: '',
      sid: subscription?.sid,
      messages: 25,
      max: 0,
    });
    assert.deepEqual(
      [view.state, view.listener, view.transport, view.lang],
      ['ready', 'main', 'tcp', 'nats.js'],
    );
    assert.deepEqual([view.user, view.method, view.account, view.tls], ['', '', '', null]);
    assert.deepEqual(view.permissions, {
      publish: { allow: [], deny: ['secret.>'] },
      subscribe: { allow: [], deny: [] },
    });
    assert.deepEqual(
      [view.stopMs, view.reason, view.mountpoint, view.expiresMs],
      [null, null, 'site/', null],
    );
    assert.equal(view.mqttClientId.length, isPooled ? 0 : 21);
    assert.ok(view.startMs >= beforeMs && view.startMs <= Date.now());
    assert.ok(receiver.lastActivityMs >= view.startMs && receiver.lastActivityMs <= Date.now());
    assert.equal(Math.floor(view.cid / 2 ** 32), view.worker);

    const overview = await control.overview();
    const { counters } = overview;
    const grown = (name: string): number => number(counters, name) - number(before, name);
    assert.deepEqual([grown('listeners.main.messagesIn'), grown('listeners.main.messagesOut')], [25, 50]);
    assert.deepEqual([grown('operations.in.PUB'), grown('operations.in.HPUB')], [20, 5]);
    assert.deepEqual([grown('operations.out.MSG'), grown('operations.out.HMSG')], [40, 10]);
    assert.deepEqual([grown('clientBytesIn'), grown('clientBytesOut')], [bytes, 2 * bytes]);
    assert.deepEqual([grown('upstream.messages.out.0'), grown('upstream.bytes.out.0')], [25, 25 * 7]);
    assert.deepEqual(overview.subscriptions, { plain: 2, queue: 0 });
  });

  test('control: a client without CONNECT is an ordinary one: listed, counted, kicked', async () => {
    const mute = await raw();
    await waitFor(async () => (await page()).total === 1, 5_000, 'a client counts from its connection on');
    mute.send('SUB a 1\r\nPUB a 2\r\nhi\r\n');
    assert.match((await mute.pingPong()).toString(), /MSG a 1 2\r\nhi\r\n/);
    const { clients } = await page();
    const [view] = clients;
    assert.ok(view !== undefined && clients.length === 1);
    assert.deepEqual([view.state, view.name, view.user, view.lang], ['ready', '', '', '']);
    assert.deepEqual([view.inMessages, view.outMessages, view.subscriptions], [1, 1, 1]);
    assert.equal(await control.kick({ cid: view.cid }), 1);
    const { leftover } = await mute.closed();
    assert.equal(leftover.toString(), '', 'not a word');
  });

  test('control: a kicked client is told nothing, and remembered', async () => {
    const client = await nats('kicked-one');
    await client.flush();
    const { cid } = await named('kicked-one');
    assert.equal(await control.kick({ cid }), 1);
    const error = await client.closed();
    assert.ok(error === undefined || !/-ERR/.test(error.message));
    const { clients } = await waitFor(async () => {
      const found = await control.clients({ ...CLOSED, cid });
      return found.total === 1 ? found : null;
    });
    const [view] = clients;
    assert.deepEqual([view?.state, view?.reason, view?.name], ['closed', 'Kicked', 'kicked-one']);
    assert.ok((view?.stopMs ?? 0) >= (view?.startMs ?? Number.POSITIVE_INFINITY));
    assert.equal(await control.kick({ cid }), 0, 'it is gone');
    assert.equal(await control.kick({ cid: 2 ** 32 * 77 }), 0, 'there is no such worker');
  });

  test('control: all clients of a user are kicked, and no others', async () => {
    const clients = await Promise.all(
      ['ann', 'ann', 'ann', 'bob'].map(async (user) => {
        const client = await connectNats(target(), { user, pass: 'x', name: `of-${user}` });
        open.push(() => client.close());
        return client;
      }),
    );
    assert.equal((await page({ user: 'ann' })).total, 3);
    assert.equal(await control.kick({ user: 'ann' }), 3);
    await Promise.all(clients.slice(0, 3).map((client) => client.closed()));
    await waitFor(async () => (await page()).total === 1);
    assert.equal((await named('of-bob')).user, 'bob');
    assert.equal(await control.kick({ user: 'nobody' }), 0);
  });

  test('control: pages are those of all processes together, in the order asked for', async () => {
    const clients = await Promise.all(['p1', 'p2', 'p3', 'p4', 'p5'].map(nats));
    for (const [index, client] of clients.entries()) {
      for (let i = 0; i < index; i++) client.publish('x', 'y');
      client.subscribe(`sub.${index}`);
      await client.flush();
    }
    const whole = await page({ sort: 'msgs_from' });
    assert.deepEqual(
      whole.clients.map(({ name, inMessages }) => `${name} ${inMessages}`),
      ['p5 4', 'p4 3', 'p3 2', 'p2 1', 'p1 0'],
    );
    const part = await page({ sort: 'msgs_from', isReversed: true, offset: 1, limit: 3 });
    assert.equal(part.total, 5);
    assert.deepEqual(
      part.clients.map(({ name }) => name),
      ['p2', 'p3', 'p4'],
    );
    const byCid = (await page()).clients.map(({ cid }) => cid);
    assert.deepEqual(
      byCid,
      [...byCid].sort((a, b) => a - b),
    );
    const bySubject = await page({ subject: 'sub.3' });
    assert.deepEqual(
      bySubject.clients.map(({ name }) => name),
      ['p4'],
    );
    const plain = await page({ withDetails: false, limit: 1 });
    assert.deepEqual([plain.total, plain.clients[0]?.subscriptionList], [5, []]);
  });

  test('control: subscriptions of all clients, or those that a subject reaches', async () => {
    const clients = [await nats('s1'), await nats('s2')];
    for (const client of clients) {
      client.subscribe('a.*');
      client.subscribe('a.b', { queue: 'crew' });
      client.subscribe('c', { max: 7 });
      await client.flush();
    }
    const all = await control.subscriptions({ offset: 0, limit: 100 });
    assert.equal(all.total, 6);
    const texts = all.subscriptions.map(({ subject, queue, max }) => `${subject} ${queue} ${max}`);
    assert.deepEqual(texts.sort(), ['a.*  0', 'a.*  0', 'a.b crew 0', 'a.b crew 0', 'c  7', 'c  7']);
    const pages = [];
    for (let offset = 0; offset < 6; offset += 4)
      pages.push(...(await control.subscriptions({ offset, limit: 4 })).subscriptions);
    assert.equal(new Set(pages.map(({ cid, sid }) => `${cid} ${sid}`)).size, 6);
    const reached = await control.subscriptions({ subject: 'a.b', offset: 0, limit: 3 });
    assert.deepEqual([reached.total, reached.subscriptions.length], [4, 3]);
    assert.deepEqual((await control.overview()).subscriptions, { plain: 4, queue: 2 });
  });

  test('control: listeners count connections, those they turned away included', async () => {
    const before = (await control.listeners())[0];
    const clients = await Promise.all(Array.from({ length: 8 }, () => raw()));
    const surplus = await raw();
    const { leftover } = await surplus.closed();
    assert.match(leftover.toString(), /maximum connections exceeded/);
    assert.equal(clients.length, 8);
    const [main, secure] = await control.listeners();
    assert.ok(before !== undefined && main !== undefined && secure !== undefined);
    assert.deepEqual(
      { ...main, accepted: main.accepted - before.accepted },
      {
        name: 'main',
        type: 'tcp',
        host: '127.0.0.1',
        port: gateway.port,
        state: 'listening',
        connections: 8,
        maxConnections: 8,
        accepted: 8,
        rejected: { max_connections: 1 },
        isAuthenticated: false,
        mountpoint: 'site/',
      },
    );
    assert.deepEqual([secure.name, secure.type, secure.connections], ['secure', 'tls', 0]);
  });

  test('control: a tap shows both ways of a message, with the names of both sides', async () => {
    const sender = await nats('tap-sender');
    const receiver = await nats('tap-receiver');
    const collected = await collect(receiver, 'room.*');
    await collect(receiver, 'other');
    const filters = (await control.overview()).upstream.filters;
    const shown: TapMessage[] = [];
    const handle = await control.tap({ ...TAP, subject: 'room.*', payloadBytes: 4 }, (one) =>
      shown.push(one),
    );
    await tapsAreOpen(shown, ['to_broker', 'to_client'], () => sender.publish('room.warm-up', ''));
    const withHeader = headers();
    withHeader.set('color', 'red');
    sender.publish('room.a+b', 'payload', { headers: withHeader, reply: 'answers.1' });
    sender.publish('other', 'not looked at');
    await sender.flush();
    await waitFor(() => collected.texts.includes('payload'));
    await waitFor(() => events(shown, 'room.a+b').length === 2, 5_000, 'both ways');
    assert.equal((await control.overview()).upstream.filters, filters, 'no subscription at the broker');
    const out = events(shown, 'room.a+b').find(({ direction }) => direction === 'to_broker');
    const back = events(shown, 'room.a+b').find(({ direction }) => direction === 'to_client');
    assert.ok(out !== undefined && back !== undefined);
    const senderCid = (await named('tap-sender')).cid;
    const receiverCid = (await named('tap-receiver')).cid;
    assert.deepEqual([out.cid, back.cid], [senderCid, receiverCid]);
    for (const one of [out, back]) {
      assert.deepEqual([one.topic, one.reply], ['site/room/a%2Bb', 'answers.1']);
      assert.equal(one.responseTopic, 'site/answers/1');
      assert.deepEqual([one.payloadBytes, one.payload], [7, Buffer.from('payl').toString('base64')]);
      assert.ok(one.userProperties.some(([name, value]) => name === 'color' && value === 'red'));
      assert.match(one.headers, /^NATS\/1\.0\r\ncolor: red\r\n\r\n$/);
      assert.equal(one.dropped, null);
    }
    assert.ok(shown.every((one) => one.type !== 'event' || one.event.subject !== 'other'));
    handle.close();
    await waitFor(() => shown.at(-1)?.type === 'ended');
    assert.deepEqual(shown.at(-1), { type: 'ended', reason: 'closed' });
    const count = shown.length;
    sender.publish('room.late', 'x');
    await sender.flush();
    await waitFor(() => collected.messages.some(({ subject }) => subject === 'room.late'));
    assert.equal(shown.length, count, 'nothing after the end');
  });

  test('control: a tap shows what was dropped, why, and no payload unless asked', async () => {
    const sender = await nats('drop-sender');
    const shown: TapMessage[] = [];
    const { cid } = await named('drop-sender');
    const handle = await control.tap({ ...TAP, cid }, (one) => shown.push(one));
    await tapsAreOpen(shown, ['to_broker'], () => sender.publish('fine', 'secret'));
    sender.publish('bad\u0001name', 'secret');
    sender.publish('secret.x', 'secret');
    await waitFor(() => events(shown, 'secret.x').length === 1);
    const [unmapped] = events(shown, 'bad\u0001name');
    assert.deepEqual([unmapped?.dropped, unmapped?.topic, unmapped?.payloadBytes], ['untranslatable', '', 6]);
    const [denied] = events(shown, 'secret.x');
    assert.deepEqual([denied?.dropped, denied?.topic, denied?.payloadBytes], ['denied', 'site/secret/x', 6]);
    const [fine] = events(shown, 'fine');
    assert.deepEqual([fine?.dropped, fine?.topic], [null, 'site/fine']);
    for (const one of [unmapped, denied, fine]) assert.equal(one?.payload, '');
    const { errors } = (await control.overview()).counters;
    assert.ok(typeof errors === 'object' && number(errors, 'GW_PERMISSIONS') >= 2);
    handle.close();
  });

  test('control: taps are few, and each has its rate', async () => {
    const sender = await nats('rate-sender');
    const shown: TapMessage[] = [];
    const request = { ...TAP, maxPerSecond: 5 };
    const handles = [await control.tap(request, (one) => shown.push(one))];
    await tapsAreOpen(shown, ['to_broker'], () => sender.publish('a', ''));
    for (let i = 0; i < 200; i++) sender.publish('a', 'x');
    await sender.flush();
    const skipped = () => shown.reduce((sum, one) => sum + (one.type === 'skipped' ? one.count : 0), 0);
    await waitFor(() => skipped() + events(shown, 'a').length >= 200, 5_000, 'all are counted');
    assert.ok(events(shown, 'a').length <= 30, 'a few per second');
    while (handles.length < MAX_TAPS) handles.push(await control.tap(TAP, () => {}));
    await assert.rejects(
      control.tap(TAP, () => {}),
      { code: 'GW_LIMIT' },
    );
    for (const handle of handles) handle.close();
  });

  test('control: knows its certificates, the broker, and itself', async () => {
    const [one, ...more] = await control.certificates();
    assert.ok(one !== undefined && more.length === 0);
    const { notAfterMs, ...names } = one;
    assert.deepEqual(names, {
      path: 'listeners[1].tls',
      file: certificate.certFile,
      subject: 'CN=gateway,O=Acme',
      issuer: 'CN=Test Authority,O=Test',
    });
    assert.ok(notAfterMs > Date.now());
    await (await nats('asker')).flush();
    const upstream = await control.upstream();
    assert.equal(upstream.length, workers);
    const numbers = workers === 1 ? [0] : Array.from({ length: workers }, (_, index) => index + 1);
    assert.deepEqual(
      upstream.map(({ worker }) => worker),
      numbers,
    );
    assert.equal(
      upstream.reduce((sum, { usage }) => sum + usage.clients, 0),
      1,
    );
    for (const { url, state, lastError, capabilities } of upstream) {
      assert.deepEqual([url, state, lastError], [broker.url, 'up', '']);
      assert.ok(capabilities !== null && 'limitations' in capabilities);
    }
    const { serverId, serverName, version, natsVersion, startMs } = control.identity;
    assert.ok(serverId !== '' && serverName === control.config.serverName);
    assert.match(version, /^\d+\.\d+\.\d+/);
    assert.match(natsVersion, /^2\./);
    assert.ok(startMs <= Date.now());
    assert.deepEqual(await control.readiness(), { isReady: true, reasons: [], isLameDuck: false });
  });
}

/** A counter by its dotted path; 0 while nobody has counted. */
function number(counters: object, path: string): number {
  const value = path
    .split('.')
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], counters);
  return typeof value === 'number' ? value : 0;
}

function events(shown: readonly TapMessage[], subject: string): TapEvent[] {
  return shown.flatMap((one) => (one.type === 'event' && one.event.subject === subject ? [one.event] : []));
}

/** Workers open their part of a tap in their own time: publishes until both ways are looked at. */
async function tapsAreOpen(
  shown: readonly TapMessage[],
  directions: readonly TapDirection[],
  publish: () => void,
): Promise<void> {
  const isOpen = (direction: TapDirection): boolean =>
    shown.some((one) => one.type === 'event' && one.event.direction === direction);
  await waitFor(() => {
    if (!directions.every(isOpen)) publish();
    return directions.every(isOpen);
  });
}
