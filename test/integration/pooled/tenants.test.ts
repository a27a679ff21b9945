/** Clients under different mountpoints on one pair of sessions: none sees what is another's, and none takes it away. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startMosquitto } from '../../support/mosquitto.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { Scene, type SceneBroker } from '../../support/scene.ts';
import { ScriptedBroker } from '../../support/scripted-broker.ts';

const UPSTREAM = { mode: 'pooled', pool_size: 1 };

const BROKERS: readonly (readonly [string, () => Promise<SceneBroker>])[] = [
  ['Mosquitto', startMosquitto],
  ['broker without $share', () => ScriptedBroker.start({ sharedSubscriptionAvailable: false })],
];

/** What each client gets until everybody's traffic has passed. */
async function flushed(clients: readonly RawClient[]): Promise<string[]> {
  const texts = clients.map(() => '');
  for (let round = 0; round < 2; round++) {
    for (const [i, client] of clients.entries()) texts[i] += (await client.pingPong()).toString();
  }
  return texts;
}

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

for (const [name, startBroker] of BROKERS) {
  describe(`tenants (${name})`, async () => {
    const scene = await Scene.start(await startBroker(), {
      mountpoint: 'site/${connect.user}/',
      upstream: UPSTREAM,
    });
    after(() => scene.stop());

    test('tenants: same subjects, same queue groups, wildcards: each sees its own only', async () => {
      const users = ['a', 'a', 'b', 'b'];
      const all = await Promise.all(users.map((user) => scene.raw({ user })));
      for (const client of all) client.send('SUB job q 1\r\nSUB > 2\r\nSUB *.x q 3\r\n');
      for (const client of all) await client.pingPong();
      for (let i = 0; i < 10; i++) {
        all[0]?.send(`PUB job 2\r\na${i}\r\n`);
        all[2]?.send(`PUB job 2\r\nb${i}\r\nPUB deep.x 1\r\nx\r\n`);
      }
      const texts = await flushed(all);
      const seenBy = (user: string): string => texts.filter((_text, i) => users[i] === user).join('');
      assert.doesNotMatch(seenBy('a'), /\r\nb\d\r\n|deep/, 'nothing of b');
      assert.doesNotMatch(seenBy('b'), /\r\na\d\r\n/, 'nothing of a');
      for (const text of texts) assert.equal(count(text, /MSG job 2 2/g), 10, 'every plain subscription');
      for (const user of ['a', 'b'])
        assert.equal(count(seenBy(user), /MSG job 1 2/g), 10, 'one of the group');
      assert.equal(count(seenBy('b'), /MSG deep.x 3 1/g), 10);
    });

    test('tenants: a reply subject leads back to the same tenant, and $SRV-like names stay within', async () => {
      const a = await scene.nats({ user: 'a' });
      const b = await scene.nats({ user: 'b' });
      for (const [client, name] of [
        [a, 'a'],
        [b, 'b'],
      ] as const) {
        client.subscribe('who', { callback: (_error, message) => void message.respond(name) });
        await client.flush();
      }
      assert.equal((await a.request('who', '', { timeout: 2_000 })).string(), 'a');
      assert.equal((await b.request('who', '', { timeout: 2_000 })).string(), 'b');
    });
  });
}

describe('tenants with mountpoints below each other', async () => {
  const listener = (name: string, mountpoint: string) => ({
    name,
    type: 'tcp',
    bind: '127.0.0.1:0',
    mountpoint,
  });
  const scene = await Scene.start(await startMosquitto(), {
    listeners: [listener('outer', ''), listener('inner', 'in/')],
    upstream: UPSTREAM,
  });
  after(() => scene.stop());
  const portOf = (name: string): number =>
    scene.gateway.gateway.addresses().find((address) => address.name === name)?.port ?? 0;

  test('tenants: groups of one name on one topic are two groups, each gets every message', async () => {
    const at = (name: string) => ({ ...scene.gateway, port: portOf(name) });
    const outer = [await scene.raw({}, at('outer')), await scene.raw({}, at('outer'))] as const;
    const inner = [await scene.raw({}, at('inner')), await scene.raw({}, at('inner'))] as const;
    for (const client of outer) client.send('SUB in.job q 1\r\nSUB in.> q 2\r\n');
    for (const client of inner) client.send('SUB job q 1\r\nSUB > q 2\r\n');
    for (const client of [...outer, ...inner]) await client.pingPong();
    const device = await scene.device();
    for (let i = 0; i < 20; i++) await device.publish('in/job', String(i).padStart(2, '0'));
    const texts: string[] = [];
    for (const client of [...outer, ...inner]) texts.push((await client.pingPong()).toString());
    const [outerText, innerText] = [texts[0] + (texts[1] ?? ''), (texts[2] ?? '') + (texts[3] ?? '')];
    for (const [text, subject] of [
      [outerText, 'in.job'],
      [innerText, 'job'],
    ] as const) {
      const payloads = [...text.matchAll(/MSG (\S+) [12] 2\r\n(\d\d)/g)].map(([, name, payload]) => {
        assert.equal(name, subject);
        return payload;
      });
      assert.equal(payloads.length, 20, text);
      assert.equal(new Set(payloads).size, 20);
    }
  });
});
