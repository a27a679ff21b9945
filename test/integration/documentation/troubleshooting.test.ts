/** The messages on the page about troubleshooting, provoked: what people see is what its headings say. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { NatsConnection } from '@nats-io/transport-node';
import { ask, HTTP_ON_FREE_PORT, httpUrl } from '../../support/admin.ts';
import { documentationPage } from '../../support/documentation.ts';
import { type RunningGateway, startGateway } from '../../support/gateway.ts';
import { runCommand, startGatewayProcess } from '../../support/gateway-process.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { connectNats } from '../../support/nats.ts';
import { connectRaw } from '../../support/raw-client.ts';
import { testIn } from '../../support/variants.ts';
import { waitFor } from '../../support/wait-for.ts';

const PAGE = documentationPage('docs/troubleshooting.md');
/** Messages in headings; in them `…` stands for anything. */
const MESSAGES = [...PAGE.matchAll(/^### (.*)$/gm)].flatMap(([, heading = '']) =>
  [...heading.matchAll(/`([^`]+)`/g)].map(([, message = '']) => message),
);
const seen = new Set<string>();

let broker: Mosquitto;
let gateway: RunningGateway;

before(async () => {
  broker = await startMosquitto();
  gateway = await startGateway({ upstream: { url: broker.url }, max_connections: 2 });
});

after(async () => {
  await gateway.stop();
  await broker.stop();
});

/** One of the headings says what was shown. */
function assertExplained(shown: string): void {
  const found = MESSAGES.filter((message) => {
    const parts = message.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(parts.join('.*')).test(shown);
  });
  assert.ok(found.length > 0, `no heading explains: ${shown}`);
  for (const message of found) seen.add(message);
}

test('troubleshooting: what the program says when it does not start', async () => {
  const off = ['--set', 'http.bind=off'];
  const embedded = (port: number) => ['--set', `upstream.embedded_bind=127.0.0.1:${port}`];
  const starts: [code: number, args: string[]][] = [
    [69, ['-p', String(gateway.port), ...embedded(0), ...off]],
    [69, ['-p', '0', ...embedded(broker.port), ...off]],
    [78, ['check', '--set', 'upstream.ulr=mqtt://127.0.0.1']],
    [78, ['check', '--set', 'http.bind=0.0.0.0:8222']],
    [78, ['check', '-a', '0.0.0.0', '--set', 'upstream.mode=pooled', '--upstream', 'mqtt://127.0.0.1']],
    [2, ['--prot', '4333']],
    [1, ['healthcheck', '--set', 'http.bind=127.0.0.1:1']],
  ];
  for (const [code, args] of starts) {
    const result = await runCommand(args, { cwd: '/' });
    assert.equal(result.code, code, result.stderr);
    assertExplained(result.stderr);
  }
});

async function failureOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    return String(error);
  }
  throw new Error('it did not fail');
}

/** The next error that a connection is told. */
async function errorTold(client: NatsConnection, act: () => void): Promise<string> {
  const statuses = client.status();
  act();
  for await (const status of statuses) if (status.type === 'error') return String(status.error);
  throw new Error('no error came');
}

test('troubleshooting: what clients are told', async () => {
  const client = await connectNats(gateway);
  assertExplained(await errorTold(client, () => client.publish('$SYS.x', '')));
  assertExplained(await errorTold(client, () => client.subscribe('$share.x')));
  assertExplained(await failureOf(client.request('nobody.there', '')));
  const second = await connectNats(gateway);
  assertExplained(await failureOf(connectNats(gateway)));
  await second.close();
  await waitFor(() => gateway.logLines('client.disconnected').length > 0, 5_000, 'room for another client');
  assertExplained(await failureOf(connectNats(gateway, { tls: {} })));
  await client.close();
  const { stdout } = await runCommand(['map', '$SYS.x']);
  const reason = 'the first level $SYS is reserved';
  assert.ok(stdout.includes(reason) && PAGE.includes(reason));
});

testIn('per_client', 'troubleshooting: what is seen when the broker refuses, or is away', async () => {
  const closed = await startMosquitto({ users: { alice: 'secret' } });
  const settings = { upstream: { url: closed.url }, http: HTTP_ON_FREE_PORT };
  const ours = await startGatewayProcess({ settings });
  assertExplained(await failureOf(connectNats(ours.url, { user: 'alice', pass: 'wrong' })));
  const said = (words: string): void => assert.ok(ours.stdout.includes(words) && PAGE.includes(words), words);
  said('the broker refused the credentials');
  const foreign = await ask(`${httpUrl(ours)}/varz`, { headers: { host: 'gateway.example' } });
  assertExplained(foreign.text);
  await closed.kill();
  const timeout = connectNats(ours.url, { user: 'alice', pass: 'secret', timeout: 1_000 });
  assert.match(await failureOf(timeout), /TimeoutError/);
  said('no connection to the broker yet');
  const ready = await ask(`${httpUrl(ours)}/readyz`);
  assert.ok(
    ready.text.includes('the broker cannot be reached: ') && PAGE.includes('the broker cannot be reached: '),
  );
  await ours.stop();
  await closed.stop();
});

test('troubleshooting: a client that does not answer is stale', async () => {
  const strict = await startGateway({
    upstream: { url: broker.url },
    ping_interval: '20ms',
    ping_timeout: '20ms',
  });
  const client = await connectRaw(strict.host, strict.port);
  client.send('CONNECT {"verbose":false}\r\nPING\r\n');
  assertExplained((await client.closed()).leftover.toString());
  await strict.stop();
});

testIn('per_client', 'troubleshooting: every message that a heading promises was seen', () => {
  // Known from elsewhere: the log event needs a profile in which a topic has no subject, and slow clients take long.
  const elsewhere = ['message.dropped', 'Slow Consumer', 'healthcheck'];
  assert.deepEqual(
    MESSAGES.filter((message) => !seen.has(message) && !elsewhere.includes(message)),
    [],
  );
});
