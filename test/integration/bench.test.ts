/**
 * The benchmark in short: its paths work, and it notices a broker that loses, doubles or swaps a single message.
 * What anything costs is no subject here.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Round } from '../bench/cell.ts';
import { ThroughputSubject } from '../bench/drivers/throughput.ts';
import type { Fault } from '../bench/stub/faults.ts';
import { gatewayRig, type Path, PLAIN_PATH } from '../bench/systems/rig.ts';

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
