/**
 * The benchmark in short: its paths work, and it notices a broker that loses, doubles or swaps a single message.
 * What anything costs is no subject here.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Round } from '../bench/cell.ts';
import { NumberedStream } from '../bench/drivers/numbered-stream.ts';
import { ThroughputSubject } from '../bench/drivers/throughput.ts';
import type { Fault } from '../bench/stub/faults.ts';
import { Cleanup } from '../bench/systems/cleanup.ts';
import { gatewayRig, type Path, PLAIN_PATH } from '../bench/systems/rig.ts';
import { waitFor } from '../support/wait-for.ts';

const TIMING = { warmUpMs: 50, windowMs: 200 };

async function measureOnce(path: Partial<Path>): Promise<Round> {
  const subject = await ThroughputSubject.open(gatewayRig({}), { ...PLAIN_PATH, ...path }, TIMING);
  try {
    return await subject.round();
  } finally {
    await subject.stop();
  }
}

const PATHS: readonly (readonly [name: string, path: Partial<Path>])[] = [
  ['NATS to MQTT with QoS 1', { direction: 'ingress', verbose: true }],
  ['MQTT to NATS', { direction: 'egress' }],
  [
    'NATS to MQTT to two NATS clients, with headers',
    { direction: 'roundtrip', receivers: 2, shape: { payloadBytes: 200, headers: 2 } },
  ],
];
for (const [name, path] of PATHS) {
  test(`bench: ${name}, complete and in order`, async () => {
    const { figures } = await measureOnce(path);
    // Whatever the machine had time for, all of it has arrived.
    assert.ok((figures.proved ?? 0) > 0);
  });
}

test('bench: a sender is told of the slowest of its receivers', async () => {
  const window = 64;
  const cleanup = new Cleanup();
  try {
    const path = { ...PLAIN_PATH, direction: 'roundtrip', receivers: 10 } as const;
    const { source, sink } = await gatewayRig({})(path, cleanup);
    const stream = new NumberedStream(source, sink, { window, rate: 0 });
    await stream.start();
    // A sender that is not told stands still after the first few windows.
    const hasArrived = async (): Promise<boolean> => (await sink.arrival()).received > 20 * window;
    await waitFor(hasArrived, 20_000, 'messages of many windows');
    await stream.finish();
  } finally {
    await cleanup.run();
  }
});

const FAULTS: readonly (readonly [fault: Fault, path: Partial<Path>, complaint: RegExp])[] = [
  ['drop', { direction: 'ingress' }, /broken: message \d+ in place of message \d+ .*: lost or overtaken/],
  ['duplicate', { direction: 'roundtrip' }, /broken: message \d+ again in place of message \d+ /],
  ['swap', { direction: 'roundtrip' }, /broken: message \d+ in place of message \d+ .*: lost or overtaken/],
];
for (const [fault, path, complaint] of FAULTS) {
  test(`bench: fails when the broker does this to one message: ${fault}`, async () => {
    await assert.rejects(measureOnce({ ...path, fault }), complaint);
  });
}
