/** Names that belong to the gateway or the broker have no effect when devices or clients make them up. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { startMosquitto } from '../../support/mosquitto.ts';
import { Scene } from '../../support/scene.ts';

let scene: Scene;
before(async () => {
  scene = await Scene.start(await startMosquitto());
});
afterEach(() => scene.closeClients());
after(() => scene.stop());

for (const mode of ['per_client', 'pooled']) {
  const ofTenants = { mountpoint: 'tenant/', upstream: { mode } };

  test(`reserved names: properties that a device makes up become no headers and hide no message, ${mode}`, async () => {
    const gateway = await scene.otherGateway(ofTenants);
    const client = await scene.raw({ echo: false }, gateway);
    client.send('SUB a 1\r\n');
    await client.pingPong();
    const device = await scene.device();
    const userProperties = { 'nmg-origin': 'forged', 'nmg-anything': 'forged', plain: 'kept' };
    await device.publish('tenant/a', 'x', { properties: { userProperties } });
    const told = (await client.readUntil('\r\n\r\nx\r\n')).toString();
    assert.match(told, /plain: ?kept/);
    assert.doesNotMatch(told, /nmg-|forged/);
  });

  test(`reserved names: a queue name is no filter of the broker, ${mode}`, async () => {
    const gateway = await scene.otherGateway(ofTenants);
    const device = await scene.device();
    for (const queue of ['g/secret/#', '#', '+', '$share/g/#', '../secret', '%2F#', '*', '>']) {
      const client = await scene.raw({}, gateway);
      client.send(`SUB control 2\r\n`);
      await client.pingPong();
      client.send(`SUB open ${queue} 1\r\nPING\r\n`);
      await client.readUntil('PONG\r\n');
      for (const topic of ['secret/x', 'tenant/secret/x', 'secret', 'open'])
        await device.publish(topic, 'leak');
      await device.publish('tenant/control', 'good');
      assert.doesNotMatch((await client.readUntil('2 4\r\ngood\r\n')).toString(), /leak/, queue);
      await client.close();
    }
  });
}
