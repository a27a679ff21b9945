import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mapperWith } from './mappers.ts';

/** Topics of real devices; null: this profile cannot carry it. */
const CORPUS: readonly [topic: string, escape: string, emqx: string | null, natsServer: string | null][] = [
  // Sparkplug B
  ['spBv1.0/plant 1/NBIRTH/edge', 'spBv1%2E0.plant%201.NBIRTH.edge', null, null],
  ['spBv1.0/g/DDATA/e/d', 'spBv1%2E0.g.DDATA.e.d', null, 'spBv1//0.g.DDATA.e.d'],
  ['spBv1.0/STATE/host', 'spBv1%2E0.STATE.host', null, 'spBv1//0.STATE.host'],
  // zigbee2mqtt
  [
    'zigbee2mqtt/bridge/state',
    'zigbee2mqtt.bridge.state',
    'zigbee2mqtt.bridge.state',
    'zigbee2mqtt.bridge.state',
  ],
  ['zigbee2mqtt/Living room lamp/set', 'zigbee2mqtt.Living%20room%20lamp.set', null, null],
  [
    'zigbee2mqtt/0x00158d0001dc126a',
    'zigbee2mqtt.0x00158d0001dc126a',
    'zigbee2mqtt.0x00158d0001dc126a',
    'zigbee2mqtt.0x00158d0001dc126a',
  ],
  // Home Assistant
  [
    'homeassistant/sensor/kitchen_t/config',
    'homeassistant.sensor.kitchen_t.config',
    'homeassistant.sensor.kitchen_t.config',
    'homeassistant.sensor.kitchen_t.config',
  ],
  ['home/Mum & Dad/temp 2.OG', 'home.Mum%20&%20Dad.temp%202%2EOG', null, null],
  // Tasmota, Shelly, ESPHome, Homie, OwnTracks
  [
    'cmnd/tasmota_4F2A/POWER1',
    'cmnd.tasmota_4F2A.POWER1',
    'cmnd.tasmota_4F2A.POWER1',
    'cmnd.tasmota_4F2A.POWER1',
  ],
  ['stat/%prefix%/RESULT', 'stat.%prefix%.RESULT', 'stat.%prefix%.RESULT', 'stat.%prefix%.RESULT'],
  [
    'shellies/shelly1-A4CF12/relay/0',
    'shellies.shelly1-A4CF12.relay.0',
    'shellies.shelly1-A4CF12.relay.0',
    'shellies.shelly1-A4CF12.relay.0',
  ],
  ['homie/dev/$state', 'homie.dev.$state', 'homie.dev.$state', 'homie.dev.$state'],
  [
    'owntracks/jane@example.org/phone',
    'owntracks.jane@example%2Eorg.phone',
    null,
    'owntracks.jane@example//org.phone',
  ],
  // Cloud services
  [
    '$aws/things/t1/shadow/update',
    '$aws.things.t1.shadow.update',
    '$aws.things.t1.shadow.update',
    '$aws.things.t1.shadow.update',
  ],
  [
    'devices/d1/messages/events/$.ct=application%2Fjson',
    'devices.d1.messages.events.$%2Ect=application/json',
    null,
    'devices.d1.messages.events.$//ct=application%2Fjson',
  ],
  // Empty levels
  ['/leading', '%.leading', null, '/.leading'],
  ['a//b', 'a.%.b', null, 'a./.b'],
  ['trailing/', 'trailing.%', null, 'trailing./'],
  ['/', '%.%', null, '/./'],
  // Other letters
  ['küche/temperatur °C', 'küche.temperatur%20°C', null, null],
  ['工場/温度/😀', '工場.温度.😀', '工場.温度.😀', '工場.温度.😀'],
  ['no\u00a0break', 'no\u00a0break', 'no\u00a0break', 'no\u00a0break'],
  // Percent signs of their own
  ['load/100%', 'load.100%', 'load.100%', 'load.100%'],
  ['url/a%20b', 'url.a%2520b', 'url.a%20b', 'url.a%20b'],
  ['%', '%%', '%', '%'],
];

test('corpus: topics of real devices have the documented subjects, and come back as they were', () => {
  const mappers = [
    mapperWith(),
    mapperWith({ profile: 'emqx' }),
    mapperWith({ profile: 'nats-server' }),
  ] as const;
  for (const [topic, ...subjects] of CORPUS) {
    for (const [i, mapper] of mappers.entries()) {
      const delivered = mapper.deliveredSubject(topic);
      assert.equal(delivered.ok ? delivered.name : null, subjects[i], `${mapper.profile} ${topic}`);
      if (!delivered.ok) continue;
      const message = `${mapper.profile} ${delivered.name}`;
      assert.deepEqual(mapper.publishTopic(delivered.name), { ok: true, name: topic }, message);
      assert.deepEqual(mapper.subscribeFilter(delivered.name), { ok: true, name: topic }, message);
    }
  }
});

test('corpus: the escape profile carries every topic', () => {
  const mapper = mapperWith();
  for (const [topic] of CORPUS) assert.equal(mapper.deliveredSubject(topic).ok, true, topic);
});
