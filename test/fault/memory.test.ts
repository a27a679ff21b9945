/** Clients that try to fill the memory: announced payloads, endless lines, unfinished messages, masses of SUBs. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { connectDevice } from '../support/device.ts';
import { startGateway } from '../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { startMosquitto } from '../support/mosquitto.ts';
import { startNatsServer } from '../support/nats-server.ts';
import type { RawClient } from '../support/raw-client.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';
import { waitFor } from '../support/wait-for.ts';
import { connectClient, type NatsEndpoint } from './clients.ts';

const MB = 1024 * 1024;

const open: { stop(): Promise<unknown> }[] = [];
after(async () => {
  for (const one of open.reverse()) await one.stop();
});

function stopLater<T extends { stop(): Promise<unknown> }>(one: T): T {
  open.push(one);
  return one;
}

const mqtt = stopLater(await startMosquitto());
const oracle = stopLater(await startNatsServer());

async function gatewayProcess(settings: object = {}): Promise<GatewayProcess> {
  const base = { upstream: { url: mqtt.url, probe: false }, log: { level: 'info', format: 'json' } };
  return stopLater(await startGatewayProcess({ settings: { ...base, ...settings } }));
}

/** Everything that a client receives from `input` on, up to the end of the connection or to the PONG behind it. */
async function answerTo(endpoint: NatsEndpoint, input: Buffer): Promise<string> {
  const client = await connectClient(endpoint);
  client.send(Buffer.concat([input, Buffer.from('\r\nPING\r\n')]));
  await waitFor(
    () => !client.isOpen || client.unread.includes('PONG'),
    10_000,
    `an answer to ${input.length} bytes`,
  );
  const answer = client.isOpen
    ? `${client.unread.toString()}(open)`
    : (await client.closed()).leftover.toString();
  client.reset();
  return answer;
}

const ANNOUNCED = [
  '1048577',
  '999999999',
  '1073741824',
  '2147483648',
  '99999999999',
  '18446744073709551616',
  '-1',
  '1e9',
];

test('announced payloads of 1 GB and more: answered like nats-server, nothing is set aside for them', async (t) => {
  const gateway = await gatewayProcess();
  const before = gateway.residentBytes();
  for (const size of ANNOUNCED) {
    const input = Buffer.from(`PUB a ${size}\r\nxxxxxxxx`);
    assert.equal(await answerTo(gateway, input), await answerTo(oracle, input), `PUB a ${size}`);
  }
  const clients = await Promise.all(Array.from({ length: 200 }, () => connectClient(gateway)));
  const chunk = Buffer.alloc(64 * 1024, 'x');
  for (const client of clients) client.send(Buffer.concat([Buffer.from('PUB a 999999999\r\n'), chunk]));
  for (const client of clients) {
    assert.equal((await client.closed()).leftover.toString(), "-ERR 'Maximum Payload Violation'\r\n");
  }
  const grownMb = (gateway.residentBytes() - before) / MB;
  t.diagnostic(`memory + ${grownMb.toFixed(0)} MB`);
  assert.ok(grownMb < 100);
});

/**
 * A name, the text, and how much of it nats-server gets: it does not read on before it closes, and an RST would
 * overtake its own answer.
 */
const ENDLESS: readonly (readonly [string, string, number])[] = [
  ['PUB with an endless subject', `PUB ${'a'.repeat(10 * MB)}`, 5_000],
  ['SUB with an endless subject', `SUB ${'a'.repeat(10 * MB)}`, 5_000],
  ['CONNECT with an endless value', `CONNECT {"name":"${'a'.repeat(10 * MB)}`, 5_000],
  ['no operation at all', 'a'.repeat(10 * MB), 100],
];

test('lines of 10 MB without an end: answered like nats-server, at once, without keeping them', async (t) => {
  const gateway = await gatewayProcess();
  const neighbour = await connectClient(gateway);
  const before = gateway.residentBytes();
  for (const [name, text, oracleBytes] of ENDLESS) {
    const expected = await answerTo(oracle, Buffer.from(text.slice(0, oracleBytes)));
    assert.equal(await answerTo(gateway, Buffer.from(text)), expected, name);
    await neighbour.pingPong();
  }
  const grownMb = (gateway.residentBytes() - before) / MB;
  t.diagnostic(`memory + ${grownMb.toFixed(0)} MB`);
  assert.ok(grownMb < 60);
  await neighbour.close();
});

const CLIENTS = 200;

test('unfinished messages: beyond max_total_input nobody is read further, and all arrive once they are finished', async (t) => {
  const gateway = await gatewayProcess({ max_total_input: '16MB', max_payload: '1MB' });
  const device = await connectDevice(mqtt.url);
  stopLater({ stop: () => device.close(true) });
  await device.subscribe('big', { qos: 1 });
  const neighbour = await connectClient(gateway);
  // On a busy machine all this outlasts the first PING.
  neighbour.answerPings();
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connectClient(gateway)));
  const before = gateway.residentBytes();
  const unfinished = Buffer.concat([Buffer.from(`PUB big ${MB}\r\n`), Buffer.alloc(MB - 1, 'x')]);
  for (const client of clients) client.send(unfinished);
  // Small messages of others still get through.
  neighbour.send('SUB small 1\r\nPUB small 1\r\nx\r\nPING\r\n');
  await neighbour.expect('MSG small 1 1\r\nx\r\nPONG\r\n');
  const start = performance.now();
  let highest = before;
  await waitFor(() => {
    highest = Math.max(highest, gateway.residentBytes());
    return performance.now() - start > 1_000;
  });
  const grownMb = (highest - before) / MB;
  t.diagnostic(`${CLIENTS} MB announced and sent, memory + ${grownMb.toFixed(0)} MB`);
  assert.ok(grownMb < 0.6 * CLIENTS, `memory grew by ${grownMb.toFixed(0)} MB`);
  for (const client of clients) client.send('x\r\nPING\r\n');
  for (const client of clients) await client.readUntil('PONG\r\n', 20_000);
  await waitFor(() => device.messages.length === clients.length, 10_000, 'all messages');
  await Promise.all([neighbour, ...clients].map((client) => client.close()));
});

test('unfinished messages that are never finished: their clients are cut one by one, the others go on', async () => {
  const gateway = await gatewayProcess({ max_total_input: '1MB', max_payload: '1MB' });
  const holders = await Promise.all(Array.from({ length: 3 }, () => connectClient(gateway)));
  for (const client of holders) {
    client.send(Buffer.concat([Buffer.from(`PUB big ${MB}\r\n`), Buffer.alloc(MB - 100, 'x')]));
  }
  const honest = await connectClient(gateway);
  honest.send(
    Buffer.concat([
      Buffer.from(`PUB big ${MB - 1}\r\n`),
      Buffer.alloc(MB - 1, 'x'),
      Buffer.from('\r\nPING\r\n'),
    ]),
  );
  await honest.readUntil('PONG\r\n', 20_000);
  const cut = holders.filter((client) => !client.isOpen).length;
  assert.ok(cut >= 1, 'somebody had to make room');
  for (const client of holders) client.reset();
  await honest.close();
});

const SUBS = 10_000;

/** @returns milliseconds */
async function subscribeAll(client: RawClient, count: number): Promise<number> {
  const start = performance.now();
  client.send(Array.from({ length: count }, (_, i) => `SUB many.${i} ${i}\r\n`).join(''));
  client.send('PING\r\n');
  const answer = (await client.readUntil('PONG\r\n', 50_000)).toString('latin1');
  assert.equal(answer.split('+OK\r\n').length - 1, count);
  return performance.now() - start;
}

test(`${SUBS} SUBs of one client: all acknowledged, all working, all gone with it`, async (t) => {
  const gateway = stopLater(await startGateway({ upstream: { url: mqtt.url, probe: false } }));
  const device = await connectDevice(mqtt.url);
  stopLater({ stop: () => device.close(true) });
  const client = await connectClient(gateway, { verbose: true });
  const neighbour = await connectClient(gateway);
  const ms = await subscribeAll(client, SUBS);
  t.diagnostic(`${SUBS} SUBs in ${Math.round(ms)} ms`);
  assert.ok(ms < 20_000);
  for (const i of [0, SUBS / 2, SUBS - 1]) {
    await device.publish(`many/${i}`, 'x');
    await client.readUntil(`MSG many.${i} ${i} 1\r\nx\r\n`);
  }
  await neighbour.pingPong();
  await client.close();
  await waitFor(() => gateway.gateway.status().upstream.clients === 1, 5_000, 'its sessions to be gone');
  await neighbour.close();
});

test('more SUBs than there are packet identifiers: all acknowledged', async (t) => {
  const gateway = stopLater(
    await startGateway({ upstream: { url: mqtt.url, probe: false }, ping_timeout: '60s' }),
  );
  const client = await connectClient(gateway, { verbose: true });
  const ms = await subscribeAll(client, 66_000);
  t.diagnostic(`66,000 SUBs in ${Math.round(ms)} ms`);
  assert.equal(gateway.gateway.status().counters.upstreamDisconnects, 0);
  client.reset();
});

test('floods of operations that a broker does not answer: their client is not read further, and all are answered at last', async (t) => {
  const broker = stopLater(await ScriptedBroker.start());
  const gateway = await gatewayProcess({ upstream: { url: broker.url, probe: false, ack_timeout: '60s' } });
  for (const operation of ['PING\r\n', 'UNSUB 7\r\n', 'SUB a 1\r\nUNSUB 1\r\n']) {
    const client = await connectClient(gateway, { verbose: true });
    broker.holdAcks('suback');
    client.send('SUB s 9\r\n');
    await waitFor(() => broker.heldAcks('suback') > 0, 5_000, 'the SUBSCRIBE');
    const before = gateway.residentBytes();
    const count = Math.floor((12 * MB) / operation.length);
    const sent = client.sendAll(operation.repeat(count));
    const until = performance.now() + 1_500;
    await waitFor(() => performance.now() > until, 5_000, 'the gateway to take what it takes');
    const grownMb = (gateway.residentBytes() - before) / MB;
    t.diagnostic(`${operation.slice(0, 5)}: memory + ${grownMb.toFixed(0)} MB`);
    assert.ok(grownMb < 100, `memory grew by ${grownMb.toFixed(0)} MB`);
    if (operation.startsWith('PING')) {
      broker.releaseAcks('suback');
      await sent;
      const bytes = '+OK\r\n'.length + count * 'PONG\r\n'.length;
      await waitFor(() => client.unread.length >= bytes, 20_000, 'all answers');
    }
    client.reset();
    await sent;
    broker.releaseAcks('suback');
  }
});
