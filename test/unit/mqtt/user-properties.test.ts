import assert from 'node:assert/strict';
import { test } from 'node:test';
import mqttPacket from 'mqtt-packet';
import {
  fromUserPropertyObject,
  survivesObject,
  toUserPropertyObject,
} from '../../../src/mqtt/user-properties.ts';

const LISTS: readonly [name: string, list: string[], survives: boolean][] = [
  ['one', ['a', '1'], true],
  ['order of different names', ['b', '1', 'a', '2'], true],
  ['repeats side by side', ['a', '1', 'a', '2', 'a', '1', 'b', '3'], true],
  ['repeats apart', ['a', '1', 'b', '2', 'a', '3'], false],
  ['a name equal to a value', ['a', 'a', 'a', 'b', 'c', 'a'], true],
  ['numbers first and rising', ['0', 'x', '7', 'y', '10', 'z', 'a', '1'], true],
  ['number behind a word', ['a', '1', '7', 'x'], false],
  ['numbers falling', ['7', 'x', '3', 'y'], false],
  ['numbers with leading zero are words', ['a', '1', '07', 'x'], true],
  ['largest array index', ['a', '1', '4294967294', 'x'], false],
  ['beyond the largest array index', ['a', '1', '4294967295', 'x'], true],
  ['single empty value', ['a', '', 'b', ''], true],
  ['empty first of a repeat', ['a', '', 'a', '1'], false],
  ['empty first of a later repeat', ['b', 'x', 'a', '', 'a', '1'], false],
  ['empty second of a repeat', ['a', '1', 'a', ''], true],
  ['empty name', ['', '1', 'b', '2'], true],
  ['names of Object.prototype', ['constructor', '1', 'toString', '2'], true],
];

/** What a subscriber behind MQTT.js sees of a list that was sent through MQTT.js. */
function throughMqttJs(list: string[]): string[] {
  const userProperties = toUserPropertyObject(list);
  const packet: mqttPacket.IPublishPacket = {
    cmd: 'publish',
    topic: 't',
    payload: Buffer.alloc(0),
    qos: 0,
    dup: false,
    retain: false,
    ...(userProperties !== undefined && { properties: { userProperties } }),
  };
  const parser = mqttPacket.parser({ protocolVersion: 5 });
  let seen: string[] = [];
  parser.on('packet', (received) => {
    assert.ok(received.cmd === 'publish');
    seen = fromUserPropertyObject(received.properties?.userProperties ?? {});
  });
  parser.parse(mqttPacket.generate(packet, { protocolVersion: 5 }));
  return seen;
}

test('user properties: lists that survive the object come out of the MQTT.js codec unchanged, others do not', () => {
  for (const [name, list, survives] of LISTS) {
    assert.equal(survivesObject(list), survives, name);
    if (survives) assert.deepEqual(throughMqttJs(list), list, name);
    else assert.notDeepEqual(throughMqttJs(list), list, name);
  }
});

test('user properties: __proto__ is data on the wire, but not trusted to survive a clone', () => {
  const list = ['__proto__', 'x', 'a', '1'];
  assert.equal(survivesObject(list), false);
  assert.deepEqual(throughMqttJs(list), list);
  assert.equal(Object.getPrototypeOf({}), Object.prototype);
});

test('user properties: no properties give no object', () => {
  assert.equal(toUserPropertyObject([]), undefined);
});
