import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '../../../src/errors.ts';
import { checkConnect, DEFAULT_CONNECT_OPTIONS, mergeConnect } from '../../../src/nats/connect-options.ts';
import type { ConnectOptions } from '../../../src/nats/operations.ts';

function merge(json: string, previous: Readonly<ConnectOptions> = DEFAULT_CONNECT_OPTIONS): ConnectOptions {
  const line = Buffer.from(`<${json}>`);
  return mergeConnect(previous, line, 1, line.length - 1);
}

describe('connect-options: merging', () => {
  const rows: readonly (readonly [name: string, json: string, changes: Partial<ConnectOptions>])[] = [
    ['null changes nothing', 'null', {}],
    ['an empty object changes nothing', ' {} ', {}],
    [
      'booleans',
      '{"verbose":false,"pedantic":false,"echo":false,"headers":true}',
      { verbose: false, pedantic: false, echo: false, headers: true },
    ],
    [
      'strings and numbers',
      '{"name":"a","protocol":1,"user":"","pass":"p\\"}, {"}',
      { name: 'a', protocol: 1, pass: 'p"}, {' },
    ],
    ['a negative number', '{"protocol":-1}', { protocol: -1 }],
    [
      'names in any letter case',
      '{"VERBOSE":false,"No_Responders":true,"verbo\u017fe":false}',
      { verbose: false, no_responders: true },
    ],
    ['escaped names', '{"\\u006eame":"x"}', { name: 'x' }],
    [
      'unknown names',
      '{"zz":[1,{"name":"}"}],"name":"x","__proto__":{"user":"y"},"constructor":1,"":0}',
      { name: 'x' },
    ],
    ['null leaves a field', '{"verbose":null,"name":null}', {}],
    ['the last duplicate wins', '{"name":"a","name":"b"}', { name: 'b' }],
    ['the last duplicate wins across letter cases', '{"name":"a","NAME":"b","name":"c"}', { name: 'c' }],
    ['null behind a value leaves the value', '{"name":"a","name":null}', { name: 'a' }],
    ['white space everywhere', ' { "name" \t:\r\n "a" , "protocol" : 1 } \r', { name: 'a', protocol: 1 }],
    [
      'nested values',
      '{"a":{"b":["]",{}]},"name":"n","c":[[],"}"],"echo":false}',
      { name: 'n', echo: false },
    ],
    ['half a surrogate pair', '{"name":"x\\ud800y"}', { name: 'x\ufffdy' }],
    ['a whole surrogate pair', '{"name":"\\ud83d\\ude00"}', { name: '😀' }],
  ];
  for (const [name, json, changes] of rows) {
    it(`connect-options: ${name}`, () => {
      assert.deepEqual(merge(json), { ...DEFAULT_CONNECT_OPTIONS, ...changes });
    });
  }

  it('connect-options: missing fields keep the previous value, and the previous options are not changed', () => {
    const first = merge('{"verbose":false,"name":"a"}');
    assert.deepEqual(merge('{"name":"z"}', first), { ...DEFAULT_CONNECT_OPTIONS, verbose: false, name: 'z' });
    assert.equal(first.name, 'a');
  });

  it('connect-options: verbose, pedantic and echo are true unless said otherwise', () => {
    const { verbose, pedantic, echo, headers, no_responders } = merge('{}');
    assert.deepEqual([verbose, pedantic, echo, headers, no_responders], [true, true, true, false, false]);
  });

  const bad = [
    '',
    ' ',
    'xx',
    '{',
    '[]',
    '[{}]',
    '"a"',
    '5',
    'true',
    '{} {}',
    '{}x',
    '{"a":1,}',
    "{'a':1}",
    '\ufeff{}',
    '{"verbose":"false"}',
    '{"echo":0}',
    '{"name":5}',
    '{"name":["a"]}',
    '{"name":true}',
    '{"verbose":{}}',
    '{"protocol":"1"}',
    '{"protocol":1.0}',
    '{"protocol":1e0}',
    '{"protocol":true}',
    '{"protocol":99999999999999999999}',
    '{"name":5,"name":"a"}',
    '{"NAME":5}',
  ];
  for (const json of bad) {
    it(`connect-options: rejects ${JSON.stringify(json)}`, () => {
      assert.throws(() => merge(json), { code: 'GW_CONNECT_JSON' });
    });
  }

  it('connect-options: no error carries what the client has sent', () => {
    for (const json of ['{"pass":"secret"', '{"pass":["secret"]}', '{"name":5,"pass":"secret"}']) {
      assert.throws(
        () => merge(json),
        (error) => {
          assert.ok(error instanceof GatewayError);
          assert.equal(error.cause, undefined);
          return !/secret/.test(error.message + JSON.stringify(error.context));
        },
      );
    }
  });
});

describe('connect-options: checks', () => {
  const rows: readonly (readonly [json: string, code: string | null])[] = [
    ['{}', null],
    ['{"protocol":1}', null],
    ['{"protocol":2}', 'GW_CLIENT_PROTOCOL'],
    ['{"protocol":-1}', 'GW_CLIENT_PROTOCOL'],
    ['{"no_responders":true}', 'GW_NO_RESPONDERS_HEADERS'],
    ['{"no_responders":true,"headers":true}', null],
    ['{"account":"a"}', 'GW_AUTHORIZATION'],
    ['{"new_account":true}', 'GW_AUTHORIZATION'],
    ['{"account":"","new_account":false}', null],
    ['{"account":"a","protocol":5,"no_responders":true}', 'GW_AUTHORIZATION'],
    ['{"protocol":5,"no_responders":true}', 'GW_CLIENT_PROTOCOL'],
  ];
  for (const [json, code] of rows) {
    it(`connect-options: ${json} gives ${code ?? 'no error'}`, () => {
      const check = () => checkConnect(merge(json));
      if (code === null) assert.doesNotThrow(check);
      else assert.throws(check, { code });
    });
  }
});
