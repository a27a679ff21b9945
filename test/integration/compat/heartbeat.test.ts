/** Checklist rows 38 to 40: PINGs of the server. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Pair, QUIET, runOn, runOnBoth, type Script, startPair } from './compat.ts';
import { EOF, operations } from './transcript.ts';

const INTERVAL_MS = 500;

/** Default intervals, and intervals that tests can wait for. */
let usual: Pair;
let hasty: Pair;

before(async () => {
  const interval = `${INTERVAL_MS}ms`;
  [usual, hasty] = await Promise.all([
    startPair(),
    startPair({
      gateway: { ping_interval: interval, ping_timeout: interval },
      natsServer: { settings: { ping_interval: interval } },
    }),
  ]);
});

after(() => Promise.all([usual.stop(), hasty.stop()]));

/** Milliseconds until the server's first PING, counted from the first PONG. */
async function untilFirstPing(stage: Parameters<Script<number>>[0], chatter: string): Promise<number> {
  const client = await stage.open(QUIET);
  await client.sync();
  const startedAt = performance.now();
  const talking = chatter === '' ? undefined : setInterval(() => client.send(chatter), 50);
  try {
    await client.raw.expect('PING\r\n', 8_000);
  } finally {
    clearInterval(talking);
  }
  return performance.now() - startedAt;
}

/** nats-server waits 2.0 to 2.4 s; a busy machine may add to that. */
const isSoon = (ms: number): boolean => ms > 1_950 && ms < 4_000;

test('checklist 38: the first PING comes 2.0 to 2.4 s after CONNECT', async () => {
  await runOnBoth(usual, async (stage) => isSoon(await untilFirstPing(stage, '')), true);
});

test('checklist 40: the first PING comes to a busy client as well', async () => {
  await runOnBoth(usual, async (stage) => isSoon(await untilFirstPing(stage, 'PUB a 0\r\n\r\n')), true);
});

test('checklist 39: a client that never answers is cut', async () => {
  const script: Script<string[]> = async (stage) => {
    const client = await stage.open(QUIET);
    client.send('PING\r\n');
    const end = await client.raw.closed(10_000);
    return [...operations(end.leftover), end.how === 'eof' ? EOF : 'RST'];
  };
  const stale = ["-ERR 'Stale Connection'", EOF];
  const [oracle, gateway] = await Promise.all(hasty.targets.map((target) => runOn(target, script)));
  assert.deepEqual(oracle, ['PONG', 'PING', 'PING', ...stale]);
  // Intended difference: one unanswered PING is enough, after `ping_timeout`.
  assert.deepEqual(gateway, ['PONG', 'PING', ...stale]);
});

test('checklist 40: a client that answers PING with something else', async () => {
  const script: Script<string[]> = async (stage) => {
    const client = await stage.open(QUIET);
    await client.sync();
    const seen: string[] = [];
    while (seen.length < 4 && seen.at(-1)?.startsWith('-ERR') !== true) {
      seen.push((await client.raw.expect(/[^\r\n]*\r\n/, 10_000)).trimEnd());
      client.send('PUB a 0\r\n\r\n');
    }
    return seen;
  };
  const [oracle, gateway] = await Promise.all(hasty.targets.map((target) => runOn(target, script)));
  assert.deepEqual(oracle, ['PING', 'PING', "-ERR 'Stale Connection'"]);
  // Intended difference: any byte shows that the client lives.
  assert.deepEqual(gateway, ['PING', 'PING', 'PING', 'PING']);
});
