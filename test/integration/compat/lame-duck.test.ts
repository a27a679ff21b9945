/** Lame duck and reload by signal: what clients see of nats-server and of the gateway, side by side. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startGatewayProcess } from '../../support/gateway-process.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { startNatsServer } from '../../support/nats-server.ts';
import { connectRaw, type RawClient } from '../../support/raw-client.ts';
import { waitFor } from '../../support/wait-for.ts';

/** nats-server takes no shorter duration; with few clients it is over sooner, a second after the other at most. */
const TIMES = { lame_duck_grace_period: '1s', lame_duck_duration: '30s' };
const LIMIT_MS = 10_000;

let broker: Mosquitto;
before(async () => {
  broker = await startMosquitto();
});
after(() => broker.stop());

interface Side {
  readonly port: number;
  signal(name: NodeJS.Signals): void;
  isRunning(): boolean;
}

async function client(port: number, protocol: 0 | 1): Promise<RawClient> {
  const raw = await connectRaw('127.0.0.1', port);
  raw.answerPings();
  raw.send(`CONNECT {"verbose":false,"protocol":${protocol}}\r\nPING\r\n`);
  await raw.expect('PONG\r\n');
  return raw;
}

/** Reads lines until one is no INFO; those of newer servers come at other times as well. */
async function ldmOf(raw: RawClient): Promise<unknown> {
  for (;;) {
    const line = (await raw.readUntil('\r\n')).toString();
    const json = /^INFO (\{.*\}) ?\r\n$/.exec(line)?.[1];
    if (json === undefined) return line;
    const { ldm } = JSON.parse(json) as { ldm?: boolean };
    if (ldm !== undefined) return ldm;
  }
}

/** What clients see, in words that can be compared. */
async function seenOf({ port, signal, isRunning }: Side): Promise<Record<string, unknown>> {
  const [modern, other, old] = [await client(port, 1), await client(port, 1), await client(port, 0)];
  signal('SIGUSR2');
  const told = [await ldmOf(modern), await ldmOf(other)];
  const newcomer = await connectRaw('127.0.0.1', port).then(
    () => 'let in',
    (error: Error) => /ECONN\w+/.exec(error.message)?.[0],
  );
  signal('SIGTERM');
  modern.send('SUB a 1\r\nPUB a 2\r\nhi\r\n');
  const delivered = await modern.expect('MSG a 1 2\r\nhi\r\n');
  old.send('PING\r\n');
  const oldSaw = await old.expect(/^[^\r]*\r\n/);
  const startMs = performance.now();
  const ends = await Promise.all([modern, other, old].map((one) => one.closed(LIMIT_MS)));
  const closedMs = performance.now() - startMs;
  await waitFor(() => !isRunning(), LIMIT_MS, 'the end of the process');
  return {
    told,
    newcomer,
    delivered,
    oldSaw,
    ends: ends.map(({ how, leftover }) => [how, leftover.toString()]),
    isSpread: closedMs > 1_000 && closedMs < 5_000,
  };
}

test('checklist 105: lame duck, and SIGTERM during it', async () => {
  const oracle = await startNatsServer({ settings: TIMES });
  const gateway = await startGatewayProcess({ settings: { upstream: { url: broker.url }, ...TIMES } });
  try {
    const [expected, actual] = await Promise.all([
      seenOf({
        port: oracle.port,
        signal: (name) => void process.kill(oracle.pid, name),
        isRunning: () => oracle.isRunning,
      }),
      seenOf({ port: gateway.port, signal: gateway.signal, isRunning: () => gateway.exit === null }),
    ]);
    assert.deepEqual(actual, expected);
    assert.deepEqual(expected.told, [true, true]);
    assert.deepEqual(gateway.exit, { code: 0, signal: null });
  } finally {
    await Promise.all([oracle.stop(), gateway.stop()]);
  }
});

test('checklist 105: a lame duck without clients ends at once', async () => {
  const oracle = await startNatsServer({ settings: TIMES });
  const gateway = await startGatewayProcess({ settings: { upstream: { url: broker.url }, ...TIMES } });
  try {
    process.kill(oracle.pid, 'SIGUSR2');
    gateway.signal('SIGUSR2');
    await waitFor(() => !oracle.isRunning && gateway.exit !== null, 3_000, 'the end of both');
    assert.deepEqual(gateway.exit, { code: 0, signal: null });
  } finally {
    await Promise.all([oracle.stop(), gateway.stop()]);
  }
});
