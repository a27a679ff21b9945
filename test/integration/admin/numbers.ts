/**
 * What the pages and metrics say agrees with what was sent, whether the gateway has one process or several: whoever asks must
 * not have to know. Run by the test files next to this one.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { ask, HTTP_ON_FREE_PORT, httpUrl, metricValues } from '../../support/admin.ts';
import { type GatewayProcess, startGatewayProcess } from '../../support/gateway-process.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { collect, connectNats } from '../../support/nats.ts';
import { PROGRAMS, requireProgram } from '../../support/processes.ts';
import { waitFor } from '../../support/wait-for.ts';

const SECONDS = 1_000;

interface Connz {
  readonly num_connections: number;
  readonly total: number;
  readonly connections: readonly Readonly<Record<string, unknown>>[];
}

/** Registers the tests. */
export function testNumbers(workers: number): void {
  const open: NatsConnection[] = [];
  let broker: Mosquitto;
  let gateway: GatewayProcess;
  let url: string;

  before(async () => {
    broker = await startMosquitto();
    gateway = await startGatewayProcess({
      settings: { workers, upstream: { url: broker.url }, http: HTTP_ON_FREE_PORT },
    });
    url = httpUrl(gateway);
  });
  after(async () => {
    await Promise.all(open.map((client) => client.close()));
    await gateway.stop();
    await broker.stop();
  });

  async function nats(name: string): Promise<NatsConnection> {
    const client = await connectNats(gateway, { name });
    open.push(client);
    return client;
  }
  const varz = async () => (await ask(`${url}/varz`)).json<Readonly<Record<string, number>>>();
  const connz = async (query: string) => (await ask(`${url}/connz?${query}`)).json<Connz>();
  const metrics = async (name: string) => metricValues((await ask(`${url}/metrics`)).text, name);
  const difference = (
    a: Readonly<Record<string, number>>,
    b: Readonly<Record<string, number>>,
    name: string,
  ) => Number(b[name]) - Number(a[name]);

  test('numbers: /varz, /connz, /subsz and /metrics agree with what was sent', async () => {
    const before = await varz();
    const sender = await nats('sender');
    const receivers = [await nats('receiver-1'), await nats('receiver-2')];
    const received = await Promise.all(receivers.map((one) => collect(one, 'news.>')));
    const withHeaders = headers();
    withHeaders.set('a', 'b');
    for (let i = 0; i < 30; i++) sender.publish('news.x', 'payload');
    for (let i = 0; i < 12; i++) sender.publish('news.y', 'payload', { headers: withHeaders });
    await sender.flush();
    await Promise.all(received.map((one) => one.count(42)));
    const bytes = 42 * 'payload'.length + 12 * 'NATS/1.0\r\na: b\r\n\r\n'.length;

    const now = await varz();
    assert.deepEqual(
      [
        'in_msgs',
        'out_msgs',
        'in_bytes',
        'out_bytes',
        'total_connections',
        'connections',
        'subscriptions',
      ].map((name) => difference(before, now, name)),
      [42, 84, bytes, 2 * bytes, 3, 3, 2],
    );

    const { connections, total } = await connz('subs=detail');
    assert.equal(total, 3);
    const of = (name: string) => connections.find((one) => one.name === name);
    const counted = (name: string) =>
      ['in_msgs', 'out_msgs', 'in_bytes', 'out_bytes', 'subscriptions'].map((field) => of(name)?.[field]);
    assert.deepEqual(counted('sender'), [42, 0, bytes, 0, 0]);
    assert.deepEqual(counted('receiver-1'), [0, 42, 0, bytes, 1]);
    const details = of('receiver-2')?.subscriptions_list_detail as
      | Readonly<Record<string, unknown>>[]
      | undefined;
    const [first] = details ?? [];
    assert.deepEqual([first?.subject, first?.msgs], ['news.>', 42]);

    const subsz = (await ask(`${url}/subsz?subs=1&test=news.x`)).json();
    assert.deepEqual([subsz.num_subscriptions, subsz.total], [2, 2]);

    const roundTrips = await metrics('natsmqtt_upstream_round_trip_duration_seconds_count');
    assert.ok(Number(roundTrips.get('')) > 0, 'what the flushes have waited for');
    const messages = await metrics('natsmqtt_client_messages_total');
    assert.equal(messages.get('listener="tcp",direction="in",headers="false"'), now.in_msgs! - 12);
    assert.equal(messages.get('listener="tcp",direction="in",headers="true"'), 12);
    assert.equal(messages.get('listener="tcp",direction="out",headers="true"'), 24);
    const inBytes = (await metrics('natsmqtt_client_bytes_total')).get('listener="tcp",direction="in"');
    assert.equal(inBytes, now.in_bytes);
    const upstream = await metrics('natsmqtt_upstream_messages_total');
    const toBroker =
      Number(upstream.get('direction="out",qos="0"')) + Number(upstream.get('direction="out",qos="1"'));
    assert.equal(toBroker, now.in_msgs);
    assert.equal((await metrics('natsmqtt_subscriptions')).get('kind="plain"'), 2);
    const gauges = await metrics('natsmqtt_client_connections');
    assert.equal(gauges.get('listener="tcp",transport="tcp"'), 3);
  });

  test('numbers: each process says what it takes of the machine', async () => {
    const memory = await metrics('natsmqtt_worker_resident_memory_bytes');
    assert.equal(memory.size, workers);
    assert.ok([...memory.values()].every((value) => value > 10_000_000));
    const sum = [...memory.values()].reduce((a, b) => a + b, 0);
    const { mem, cores, gomaxprocs } = await varz();
    assert.ok(Number(mem) > sum / 2);
    assert.deepEqual([Number(cores) >= 1, gomaxprocs], [true, workers]);
    assert.equal((await metrics('natsmqtt_workers')).get('state="current"'), workers);
    const lag = await metrics('natsmqtt_worker_event_loop_lag_seconds');
    assert.equal(lag.size, 3 * workers);
  });

  test('numbers: promtool has nothing to complain of in the metrics', async () => {
    const { text } = await ask(`${url}/metrics`);
    const { status, stdout, stderr } = spawnSync(requireProgram(PROGRAMS.promtool), ['check', 'metrics'], {
      input: text,
    });
    assert.deepEqual([status, `${stdout}${stderr}`], [0, '']);
  });

  test('numbers: a client that has left is remembered, with the reason', async () => {
    const client = await nats('leaver');
    client.publish('last.words', 'bye');
    await client.flush();
    await client.close();
    let gone: Readonly<Record<string, unknown>> | undefined;
    const isRemembered = async () => {
      const { connections } = await connz('state=closed&sort=stop');
      gone = connections.find(({ name }) => name === 'leaver');
      return gone !== undefined;
    };
    await waitFor(isRemembered, 5 * SECONDS, 'the client to be among the closed ones');
    assert.deepEqual([gone?.reason, gone?.in_msgs, gone?.in_bytes], ['Client Closed', 1, 3]);
    const { connections } = await connz(`state=any&cid=${String(gone?.cid)}`);
    assert.deepEqual([connections.length, connections[0]?.name], [1, 'leaver']);
    const ended = await metrics('natsmqtt_client_disconnects_total');
    assert.ok(Number(ended.get('listener="tcp",reason="client"')) >= 1);
  });

  test('numbers: what was dropped is counted by reason', async () => {
    const client = await nats('dropper');
    client.publish('$SYS.forbidden', 'x');
    await client.flush();
    const dropped = await metrics('natsmqtt_messages_dropped_total');
    assert.ok([...dropped.values()].reduce((a, b) => a + b, 0) >= 1, [...dropped].join(' '));
    const errors = await metrics('natsmqtt_client_errors_total');
    assert.ok([...errors.values()].reduce((a, b) => a + b, 0) >= 1);
  });

  test('numbers: /readyz says no while the broker is away, /livez does not mind', async () => {
    const status = async (path: string) => (await ask(url + path)).status;
    await waitFor(async () => (await status('/readyz')) === 200, 10 * SECONDS, 'the gateway to be ready');
    await broker.kill();
    await waitFor(async () => (await status('/readyz')) === 503, 15 * SECONDS, '/readyz to say no');
    const { error } = (await ask(`${url}/healthz`)).json();
    assert.match(String(error), /broker cannot be reached/);
    assert.equal(await status('/livez'), 200);
    assert.equal((await metrics('natsmqtt_ready')).get(''), 0);
    await broker.restart();
    await waitFor(async () => (await status('/readyz')) === 200, 20 * SECONDS, '/readyz to say yes again');
    assert.equal(await status('/healthz'), 200);
  });
}
