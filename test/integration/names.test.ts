/** Names: subjects and topics of all kinds through a real broker, and the mountpoints that keep clients apart. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { collect } from '../support/nats.ts';
import { Scene } from '../support/scene.ts';

let scene: Scene<Mosquitto>;

before(async () => {
  scene = await Scene.start(await startMosquitto());
});
afterEach(() => scene.closeClients());
after(() => scene.stop());

/** Topics as devices really use them, and the subject under which NATS clients meet them. */
const CORPUS: readonly (readonly [topic: string, subject: string])[] = [
  ['spBv1.0/Plant 1/NBIRTH/edge.node', 'spBv1%2E0.Plant%201.NBIRTH.edge%2Enode'],
  ['spBv1.0/g/DDATA/e/Device 7', 'spBv1%2E0.g.DDATA.e.Device%207'],
  ['zigbee2mqtt/Living Room Lamp/set', 'zigbee2mqtt.Living%20Room%20Lamp.set'],
  ['zigbee2mqtt/0x00158d0001a2b3c4/availability', 'zigbee2mqtt.0x00158d0001a2b3c4.availability'],
  ['homeassistant/sensor/Küche Temperatur/config', 'homeassistant.sensor.Küche%20Temperatur.config'],
  ['homeassistant/light/a b  c/state', 'homeassistant.light.a%20b%20%20c.state'],
  ['stat/tasmota_A1B2C3/POWER1', 'stat.tasmota_A1B2C3.POWER1'],
  ['tele/tasmota_%06X/LWT', 'tele.tasmota_%06X.LWT'],
  ['shellies/shelly1-DC4F22/relay/0/command', 'shellies.shelly1-DC4F22.relay.0.command'],
  ['/leading', '%.leading'],
  ['trailing/', 'trailing.%'],
  ['a//b', 'a.%.b'],
  ['//', '%.%.%'],
  ['日本/温度', '日本.温度'],
  ['emoji/🌡️/°C', 'emoji.🌡️.°C'],
  ['100%/x', '100%.x'],
  ['percent/%20/x', 'percent.%2520.x'],
  ['percent/%/%%', 'percent.%%.%%%'],
  ['star/*/x', 'star.*.x'],
  ['greater/>', 'greater.>'],
  ['$SRV/PING', '$SRV.PING'],
  ['v1.2.3/file.txt', 'v1%2E2%2E3.file%2Etxt'],
  [' blank / around ', '%20blank%20.%20around%20'],
  ['a%2Fb/c', 'a/b.c'],
  ['plus%2Bminus/hash%23', 'plus+minus.hash#'],
  ['"quoted"/{json}/a=b&c', '"quoted".{json}.a=b&c'],
];

test('names: real topics reach NATS under their subject, and come back under the same topic', async () => {
  const client = await scene.raw();
  client.send('SUB > 1\r\nSUB $SRV.> 2\r\n');
  await client.pingPong();
  const device = await scene.device();
  const echo = await scene.device();
  for (const topic of ['#', '$SRV/#']) await echo.subscribe(topic);
  for (const [topic, subject] of CORPUS) {
    await device.publish(topic, 'in');
    const line = await client.readUntil('in\r\n');
    assert.match(line.toString(), /^MSG (\S+) \d 2\r\nin\r\n$/, topic);
    assert.equal(line.toString().split(' ')[1], subject);
    assert.equal((await echo.next()).topic, topic);
    client.send(`PUB ${subject} 3\r\nout\r\n`);
    assert.equal((await echo.next()).topic, topic);
    await client.readUntil('out\r\n');
  }
});

test('names: a subscription to the literal subject receives the device, and nothing else', async () => {
  const device = await scene.device();
  for (const [topic, subject] of CORPUS.filter(([, name]) => !/[*>]/.test(name))) {
    const client = await scene.raw();
    client.send(`SUB ${subject} 1\r\n`);
    await client.pingPong();
    await device.publish(`${topic}x`, 'no');
    await device.publish(topic, 'yes');
    await client.expect(`MSG ${subject} 1 3\r\nyes\r\n`);
    await client.close();
  }
});

test('names: what cannot cross is refused for that operation alone', async () => {
  const device = await scene.device();
  await device.subscribe('#');
  const client = await scene.raw();

  // The text names the subject as Go quotes it, which is how nats-server writes it.
  for (const subject of ['$SYS.x', '$share.g.x', '$CONTROL.v1', '_NMG.x', 'ctl.a\u0001b']) {
    client.send(`PUB ${subject} 1\r\nx\r\n`);
    const shown = subject.replace('\u0001', '\\x01');
    await client.expect(`-ERR 'Permissions Violation for Publish to "${shown}"'\r\n`);
  }
  for (const subject of ['$share.g.x', '$queue.x', '$exclusive.x', '_NMG.x', '_NMG.>', 'ctl.a\u0001b']) {
    client.send(`SUB ${subject} 1\r\n`);
    const shown = subject.replace('\u0001', '\\x01');
    await client.expect(`-ERR 'Permissions Violation for Subscription to "${shown}"'\r\n`);
  }
  client.send('PUB fine 1\r\nx\r\n');
  await client.pingPong();
  assert.equal((await device.next()).topic, 'fine');
});

test('names: neither + nor # in a subject ever becomes an MQTT wildcard', async () => {
  const client = await scene.raw();
  const device = await scene.device();
  client.send('SUB inject.+ 1\r\nSUB inject.# 2\r\nSUB # 3\r\nSUB +.x 4\r\nSUB inject/x 5\r\n');
  await client.pingPong();
  await device.publish('inject/x', 'no');
  await device.publish('inject/%2B', 'plus');
  await client.expect('MSG inject.+ 1 4\r\nplus\r\n');
  await device.publish('inject/%23', 'hash');
  await client.expect('MSG inject.# 2 4\r\nhash\r\n');
  await device.publish('%23', 'root');
  await client.expect('MSG # 3 4\r\nroot\r\n');
  await device.publish('inject%2Fx', 'slash');
  await client.expect('MSG inject/x 5 5\r\nslash\r\n');
});

test('names: gateway messages (_NMG) are shown to nobody', async () => {
  const watcher = await scene.raw();
  watcher.send('SUB > 1\r\n');
  await watcher.pingPong();
  const other = await scene.raw();
  other.send('SUB x 1\r\n');
  for (let round = 0; round < 5; round++) await other.pingPong();
  assert.equal((await watcher.pingPong()).toString(), 'PONG\r\n');
});

test('mountpoint: a client lives under the prefix and sees neither it nor anything outside', async () => {
  const gateway = await scene.otherGateway({ mountpoint: 'site1/', upstream: { probe: false } });
  const client = await scene.raw({}, gateway);
  const device = await scene.device();
  await device.subscribe('#');
  client.send('SUB > 1\r\nSUB *.b 2\r\n');
  await client.pingPong();
  for (const topic of ['a/b', 'site1', 'site10/b', 'site/b', 'site1/', 'site1/a/b']) {
    await device.publish(topic, topic);
    await device.next();
  }
  // An empty level is a level: `site1/` is a message on the client's own empty name.
  await client.expect('MSG % 1 6\r\nsite1/\r\n');
  const both = (await client.readUntil(/(?:MSG a\.b [12] 9\r\nsite1\/a\/b\r\n){2}/)).toString();
  assert.match(both, /MSG a\.b 1 /);
  assert.match(both, /MSG a\.b 2 /);
  for (const [subject, topic] of [
    ['x.y', 'site1/x/y'],
    ['site1.z', 'site1/site1/z'],
    ['$SYS.x', 'site1/$SYS/x'],
    ['$share.g.x', 'site1/$share/g/x'],
    ['...', null],
  ] as const) {
    client.send(`PUB ${subject} 1\r\nx\r\n`);
    if (topic !== null) assert.equal((await device.next()).topic, topic);
  }
});

test('mountpoint: requests and their answers stay under it, and a Response Topic outside is no reply', async () => {
  const gateway = await scene.otherGateway({ mountpoint: 'site2/', upstream: { probe: false } });
  const nats = await scene.nats({}, gateway);
  const device = await scene.device();
  await device.answer('site2/ask', (request) => `answer to ${request.text}`);
  const asked = await nats.request('ask', 'q', { timeout: 3_000 });
  assert.equal(asked.string(), 'answer to q');
  const responseTopic = device.messages[0]?.properties.responseTopic ?? '';
  assert.match(responseTopic, /^site2\/_INBOX\//);
  const collected = await collect(nats, 'service');
  for (const topic of ['elsewhere/reply', 'site2/reply']) {
    await device.publish('site2/service', topic, { properties: { responseTopic: topic } });
  }
  assert.ok(!(await collected.next()).reply);
  assert.equal((await collected.next()).reply, 'reply');
  assert.equal(gateway.gateway.status().counters.dropped.get('reply_untranslatable'), 1);
});

test('mountpoint: ${connect.user} keeps users apart, and no user name leads out of it', async () => {
  const gateway = await scene.otherGateway({
    mountpoint: 'users/${connect.user}/',
    upstream: { probe: false },
  });
  const device = await scene.device();
  await device.subscribe('#');
  for (const [user, level] of [
    ['ann', 'ann'],
    ['bob', 'bob'],
    ['../ann', '..%2Fann'],
    ['+', '%2B'],
    ['#', '%23'],
    ['a/b', 'a%2Fb'],
  ] as const) {
    const client = await scene.raw({ user }, gateway);
    client.send('SUB > 1\r\n');
    await client.pingPong();
    await device.publish('users/ann/x', 'secret of ann');
    assert.equal((await device.next()).text, 'secret of ann');
    client.send('PUB y 1\r\nx\r\n');
    assert.equal((await device.next()).topic, `users/${level}/y`);
    const seen = user === 'ann' ? 'MSG x 1 13\r\nsecret of ann\r\n' : '';
    await client.expect(`${seen}MSG y 1 1\r\nx\r\n`);
  }
  const nobody = await scene.greeted(gateway);
  nobody.send('CONNECT {"verbose":false}\r\nPING\r\n');
  assert.equal((await nobody.closed()).leftover.toString(), "-ERR 'Authorization Violation'\r\n");
});

test('mountpoint: one per listener', async () => {
  const gateway = await scene.otherGateway({
    listeners: [
      { name: 'north', type: 'tcp', bind: '127.0.0.1:0', mountpoint: 'north/' },
      { name: 'ws', type: 'ws', bind: '127.0.0.1:0', mountpoint: '${listener}/' },
    ],
    upstream: { probe: false },
  });
  const device = await scene.device();
  await device.subscribe('#');
  const tcp = await scene.raw({}, gateway);
  tcp.send('PUB x 1\r\nx\r\n');
  assert.equal((await device.next()).topic, 'north/x');
  const ws = await scene.rawWebSocket({}, gateway);
  ws.send('PUB x 1\r\nx\r\n');
  assert.equal((await device.next()).topic, 'ws/x');
});

test('profiles: emqx and nats-server translate their own way', async () => {
  const device = await scene.device();
  await device.subscribe('#');
  for (const [profile, subject, topic] of [
    ['emqx', 'a.b.c', 'a/b/c'],
    ['nats-server', 'a.b.c', 'a/b/c'],
    ['nats-server', 'spBv1//0.x', 'spBv1.0/x'],
    ['nats-server', '/.a', '/a'],
  ] as const) {
    const gateway = await scene.otherGateway({ mapping: { profile }, upstream: { probe: false } });
    const client = await scene.raw({}, gateway);
    client.send(`SUB ${subject} 1\r\nPUB ${subject} 1\r\nx\r\n`);
    assert.equal((await device.next()).topic, topic, `${profile} ${subject}`);
    await client.expect(`MSG ${subject} 1 1\r\nx\r\n`);
  }
  const gateway = await scene.otherGateway({ mapping: { profile: 'emqx' }, upstream: { probe: false } });
  const client = await scene.raw({}, gateway);
  client.send('SUB > 1\r\n');
  await client.pingPong();
  for (const topic of ['spBv1.0/x', 'a b/x', 'a//b', 'fine/x']) await device.publish(topic, '');
  await client.expect('MSG fine.x 1 0\r\n\r\n');
  assert.equal(gateway.gateway.status().counters.dropped.get('untranslatable'), 3);
});

test('escape_dollar: a leading $ is written as %24 on the MQTT side', async () => {
  const gateway = await scene.otherGateway({ mapping: { escape_dollar: true }, upstream: { probe: false } });
  const device = await scene.device();
  await device.subscribe('#');
  const client = await scene.raw({}, gateway);
  client.send('SUB $SRV.PING 1\r\nPUB $SRV.PING 1\r\nx\r\n');
  assert.equal((await device.next()).topic, '%24SRV/PING');
  await client.expect('MSG $SRV.PING 1 1\r\nx\r\n');
});

test('allow_dollar: opens a reserved first token', async () => {
  const gateway = await scene.otherGateway({
    mapping: { allow_dollar: ['$SYS'] },
    upstream: { probe: false },
  });
  const client = await scene.raw({}, gateway);
  client.send('SUB $SYS.broker.version 1\r\n');
  assert.match((await client.readUntil(/\r\n.*\r\n/)).toString(), /^HMSG \$SYS\.broker\.version 1 /);
  client.send('PUB $SYS.broker.mine 1\r\nx\r\n');
  await client.pingPong();
});
