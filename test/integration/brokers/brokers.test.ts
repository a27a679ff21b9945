/** The same promises on every broker: real ones, and the scripted one in the parts of those that are not here. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Scene } from '../../support/scene.ts';
import { ScriptedBroker } from '../../support/scripted-broker.ts';
import { allBrokers } from './brokers.ts';
import { MESSAGES } from './messages.ts';
import { KNOWLEDGE, NAMES } from './names.ts';

const BEHAVIOURS = { ...KNOWLEDGE, ...MESSAGES, ...NAMES };

for (const row of allBrokers()) {
  describe(`${row.name}, MQTT ${row.version}`, () => {
    let scene: Scene;

    before(async () => {
      scene = await Scene.start(await row.start(), { upstream: { protocol_version: row.version } });
    });
    afterEach(() => scene.closeClients());
    after(async () => {
      await scene.stop();
      if (scene.broker instanceof ScriptedBroker) assert.deepEqual(scene.broker.violations, []);
    });

    for (const [name, behaviour] of Object.entries(BEHAVIOURS)) {
      test(`${row.name}, MQTT ${row.version}: ${name}`, () => behaviour(scene, row));
    }
  });
}
