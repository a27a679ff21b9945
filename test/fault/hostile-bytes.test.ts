/** Rubbish and halves of operations, many times: no crash, no disturbed neighbour, nothing wrong towards the broker. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';
import { waitFor } from '../support/wait-for.ts';
import { connectClient } from './clients.ts';

/** Printed with the result; set NMG_SEED to run the same bytes again. */
const SEED = Number(process.env.NMG_SEED ?? Date.now() % 1_000_000);

const open: { stop(): Promise<unknown> }[] = [];
after(async () => {
  for (const one of open.reverse()) await one.stop();
});

function stopLater<T extends { stop(): Promise<unknown> }>(one: T): T {
  open.push(one);
  return one;
}

const broker = stopLater(await ScriptedBroker.start());
const gateway: RunningGateway = stopLater(
  await startGateway({ upstream: { url: broker.url, probe: false } }),
);

/** Uniform in [0, 1); mulberry32, so that a seed gives the same bytes everywhere. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

const VALID = Buffer.from(
  'CONNECT {"verbose":true,"headers":true,"no_responders":true,"protocol":1,"name":"x"}\r\nPING\r\n' +
    'SUB a.* 1\r\nSUB b.> q 2\r\nPUB a.b 5\r\nhello\r\nPUB a.c _INBOX.1 0\r\n\r\n' +
    'HPUB a.d 21 23\r\nNATS/1.0\r\nA: b: c\r\n\r\nhi\r\nUNSUB 1 5\r\nUNSUB 2\r\nPONG\r\nINFO {}\r\n+OK\r\nPING\r\n',
);

function randomBytes(random: () => number): Buffer {
  return Buffer.from(
    Array.from({ length: 1 + Math.floor(random() * 2_000) }, () => Math.floor(random() * 256)),
  );
}

/** A valid stream with some bytes changed, removed, doubled or put in. */
function mutated(random: () => number): Buffer {
  const bytes = [...VALID];
  for (let i = 1 + Math.floor(random() * 6); i > 0; i--) {
    const at = Math.floor(random() * bytes.length);
    const kind = Math.floor(random() * 4);
    if (kind === 0) bytes[at] = Math.floor(random() * 256);
    else if (kind === 1) bytes.splice(at, 1 + Math.floor(random() * 20));
    else if (kind === 2) bytes.splice(at, 0, ...bytes.slice(at, at + 30));
    else bytes.splice(at, 0, ' \t\r\n+#>*$/.\0\x7f\xff'.charCodeAt(Math.floor(random() * 14)));
  }
  return Buffer.from(bytes);
}

/** Sends, then leaves in one of the ways that clients have. */
async function attack(input: Buffer, way: number): Promise<void> {
  const client = await connectRaw(gateway.host, gateway.port);
  client.send(input);
  if (way === 0) client.reset();
  else if (way === 1) client.halfClose();
  else await leaveLater(client);
}

async function leaveLater(client: RawClient): Promise<void> {
  await waitFor(() => !client.isOpen || client.unread.length > 0, 300, 'an answer').catch(() => undefined);
  client.reset();
}

async function assertUnharmed(neighbour: RawClient, detail: string): Promise<void> {
  neighbour.send('PUB neighbour 1\r\nx\r\nPING\r\n');
  const answer = (await neighbour.readUntil('PONG\r\n')).toString().replaceAll('PING\r\n', '');
  assert.equal(answer, 'MSG neighbour 1 1\r\nx\r\nPONG\r\n', detail);
  assert.deepEqual(broker.violations, [], detail);
  assert.deepEqual(gateway.logLines('client.internal_error'), [], detail);
}

async function awaitAllGone(): Promise<void> {
  const isGone = (): boolean => {
    const { connections, upstream } = gateway.gateway.status();
    return connections === 1 && upstream.clients === 1;
  };
  await waitFor(isGone, 15_000, 'all but the neighbour to be gone');
}

test('random bytes, mutated operations and every truncation: the neighbour notices nothing', async (t) => {
  t.diagnostic(`seed ${SEED}`);
  const random = generator(SEED);
  const neighbour = await connectClient(gateway);
  neighbour.send('SUB neighbour 1\r\n');
  await neighbour.pingPong();
  const inputs = [
    ...Array.from({ length: 100 }, () => randomBytes(random)),
    ...Array.from({ length: 400 }, () => mutated(random)),
    ...Array.from({ length: VALID.length }, (_, i) => VALID.subarray(0, i)),
  ];
  for (let i = 0; i < inputs.length; i += 25) {
    await Promise.all(inputs.slice(i, i + 25).map((input, j) => attack(input, (i + j) % 4)));
    await neighbour.pingPong();
  }
  await assertUnharmed(neighbour, `seed ${SEED}`);
  await awaitAllGone();
  for (const { topic } of broker.packets('publish')) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    assert.doesNotMatch(topic, /[+#\0-\x1f\x7f]|^\$share\//, `seed ${SEED}`);
  }
  for (const { subscriptions } of broker.packets('subscribe')) {
    for (const { topic } of subscriptions)
      assert.doesNotMatch(topic, /^(?:\$SYS|_NMG\/(?![\w-]{16}$))/, `seed ${SEED}`);
  }
  await neighbour.close();
});

test('byte by byte: a valid stream is answered like one sent at once', async () => {
  const answers: string[] = [];
  for (const step of [VALID.length, 1]) {
    const client = await connectRaw(gateway.host, gateway.port);
    for (let at = 0; at < VALID.length; at += step) await client.sendAll(VALID.subarray(at, at + step));
    const pong = /PONG\r\n[\s\S]*PONG\r\n$/;
    const answer = (await client.readUntil(pong)).toString().replace(/INFO .*/g, 'INFO');
    // Deliveries come by another way than acknowledgements: their order among each other is free.
    answers.push(answer.split('\r\n').sort().join('\n'));
    client.reset();
  }
  assert.equal(answers[1], answers[0]);
});
