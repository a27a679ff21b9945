/**
 * The gateway under the tools that operators of NATS use: the `nats` command, and what reads the monitoring pages into the
 * structures of nats-server. Both are programs in Go, which `npm run test:interop` builds.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ask, HTTP_ON_FREE_PORT, httpUrl, metricValues } from '../support/admin.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { ManagedProcess } from '../support/processes.ts';
import { waitFor } from '../support/wait-for.ts';

const TOOLS = fileURLToPath(new URL('../../.cache/interop/', import.meta.url));
const LIMIT_MS = 30_000;

let broker: Mosquitto;
let gateway: GatewayProcess;
let url: string;
const running: ManagedProcess[] = [];

before(async () => {
  for (const name of ['nats', 'monitor'])
    assert.ok(existsSync(TOOLS + name), `${TOOLS}${name} is missing; run: npm run test:interop`);
  broker = await startMosquitto();
  gateway = await startGatewayProcess({
    settings: { upstream: { url: broker.url }, http: HTTP_ON_FREE_PORT },
  });
  url = httpUrl(gateway);
});
after(async () => {
  await Promise.all(running.map((one) => one.end('SIGKILL')));
  await gateway.stop();
  await broker.stop();
});

/** Starts the `nats` command, with settings of nobody's home folder. */
function start(...args: string[]): ManagedProcess {
  const env = { PATH: process.env.PATH ?? '', HOME: TOOLS, NO_COLOR: '1' };
  const one = new ManagedProcess({
    path: `${TOOLS}nats`,
    args: ['--server', gateway.url, '--no-context', ...args],
    env,
  });
  running.push(one);
  return one;
}

/** Runs the `nats` command to its end. @returns all that it has written */
async function nats(...args: string[]): Promise<string> {
  const one = start(...args);
  await waitFor(() => one.exit !== null, LIMIT_MS, `the end of nats ${args.join(' ')}`);
  const { code } = await one.exited;
  const output = one.stdout + one.stderr;
  assert.equal(code, 0, `nats ${args.join(' ')}\n${output}`);
  return output;
}

/** Until the gateway has as many subscriptions to a subject. */
async function subscribed(subject: string, count = 1): Promise<void> {
  const found = async () => Number((await ask(`${url}/subsz?subs=1&test=${subject}`)).json().total) >= count;
  await waitFor(found, LIMIT_MS, `a subscription to ${subject}`);
}

async function monitor(): Promise<Readonly<Record<string, number>>> {
  const one = new ManagedProcess({ path: `${TOOLS}monitor`, args: [url], env: {} });
  running.push(one);
  await waitFor(() => one.exit !== null, LIMIT_MS, 'the end of monitor');
  assert.equal((await one.exited).code, 0, one.stderr);
  return JSON.parse(one.stdout) as Readonly<Record<string, number>>;
}

test('interop: nats pub reaches nats sub, with headers', async () => {
  const subscriber = start('sub', 'news.>', '--count', '2', '--headers-only');
  await subscribed('news.x');
  await nats('pub', 'news.x', 'hello', '--header', 'Color:red');
  await nats('pub', 'news.y', 'there', '--header', 'Color:blue');
  await waitFor(() => subscriber.exit !== null, LIMIT_MS, 'both messages');
  const text = subscriber.stdout + subscriber.stderr;
  assert.match(text, /news\.x/);
  assert.match(text, /Color: red/);
  assert.match(text, /Color: blue/);
});

test('interop: nats request is answered by nats reply, and told at once when nobody is there', async () => {
  start('reply', 'service.echo', '--echo');
  await subscribed('service.echo');
  assert.match(await nats('request', 'service.echo', 'a question', '--raw'), /a question/);
  const startedMs = performance.now();
  const one = start('request', 'service.nobody', 'x', '--timeout', '20s');
  await waitFor(() => one.exit !== null, LIMIT_MS, 'the answer that nobody is there');
  assert.match(one.stdout + one.stderr, /No responders/i);
  assert.ok(performance.now() - startedMs < 10_000);
});

test('interop: nats rtt and nats server check connection are content', async () => {
  assert.match(await nats('rtt', '3'), /nats:\/\/127\.0\.0\.1/);
  assert.match(await nats('server', 'check', 'connection'), /^OK/m);
});

test('interop: nats bench sends and receives what it means to', async () => {
  const COUNT = 20_000;
  const before = await monitor();
  const subscriber = start('bench', 'sub', 'load', '--msgs', String(COUNT), '--size', '128', '--no-progress');
  await subscribed('load');
  const published = await nats(
    'bench',
    'pub',
    'load',
    '--msgs',
    String(COUNT),
    '--size',
    '128',
    '--no-progress',
  );
  assert.match(published, /msgs\/sec/);
  await waitFor(() => subscriber.exit !== null, LIMIT_MS, 'all messages');
  assert.equal((await subscriber.exited).code, 0, subscriber.stderr);
  const now = await monitor();
  const grown = (name: string) => Number(now[name]) - Number(before[name]);
  assert.ok(grown('in_msgs') >= COUNT, `${grown('in_msgs')}`);
  assert.ok(grown('in_bytes') >= COUNT * 128);
  assert.ok(grown('out_msgs') >= COUNT);
});

test('interop: nats micro finds, asks and inspects a service', async () => {
  start('micro', 'serve', 'demo');
  await subscribed('$SRV.PING');
  assert.match(await nats('micro', 'list'), /demo/);
  assert.match(await nats('micro', 'ping'), /demo/);
  assert.match(await nats('micro', 'info', 'demo'), /demo/);
  assert.match(await nats('micro', 'stats', 'demo'), /demo/);
});

test('interop: what nats-server has and a gateway has not is refused at once', async () => {
  const startedMs = performance.now();
  const one = start('stream', 'ls', '--timeout', '20s');
  await waitFor(() => one.exit !== null, LIMIT_MS, 'the answer that there is no JetStream');
  assert.notEqual((await one.exited).code, 0);
  assert.ok(performance.now() - startedMs < 10_000);
});

test('interop: all pages fit the structures of nats-server, and agree with the metrics', async () => {
  const numbers = await monitor();
  const page = (await ask(`${url}/metrics`)).text;
  const sum = (name: string, labels: RegExp) =>
    [...metricValues(page, name)]
      .filter(([key]) => labels.test(key))
      .reduce((total, [, value]) => total + value, 0);
  assert.deepEqual(
    [numbers.in_msgs, numbers.out_msgs, numbers.in_bytes, numbers.connections],
    [
      sum('natsmqtt_client_messages_total', /direction="in"/),
      sum('natsmqtt_client_messages_total', /direction="out"/),
      sum('natsmqtt_client_bytes_total', /direction="in"/),
      sum('natsmqtt_client_connections', /./),
    ],
  );
  assert.ok(Number(numbers.known) > Number(numbers.connections), 'those that have left are remembered');
});
