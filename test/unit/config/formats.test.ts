import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  boolean,
  byteSize,
  choice,
  duration,
  either,
  type Format,
  FormatError,
  integer,
  listOf,
} from '../../../src/config/formats.ts';
import * as names from '../../../src/config/name-formats.ts';

interface Table<T> {
  readonly name: string;
  readonly format: Format<T>;
  readonly good: readonly (readonly [input: unknown, expected: unknown])[];
  readonly bad: readonly unknown[];
}

const text = names.template({ allowSecrets: true });
const publicText = names.template({ allowSecrets: false });

const TABLES: readonly Table<unknown>[] = [
  {
    name: 'duration',
    format: duration({ min: '10ms', max: '24h' }),
    good: [
      ['500ms', 500],
      ['60s', 60_000],
      ['2m', 120_000],
      ['1h', 3_600_000],
      ['1d', 86_400_000],
      ['1h30m', 5_400_000],
      ['1.5s', 1500],
      [5, 5000],
      [0.5, 500],
      ['5', 5000],
      ['10ms', 10],
      ['24h', 86_400_000],
    ],
    bad: [
      '9ms',
      '24h1ms',
      '0',
      '-1s',
      '1 minute',
      '1M',
      'ms',
      '',
      ' ',
      null,
      true,
      [],
      {},
      '1.0001ms',
      Number.NaN,
      '1s1',
    ],
  },
  {
    name: 'duration in whole seconds',
    format: duration({ min: '1s', max: '18h', wholeSeconds: true }),
    good: [
      ['1s', 1000],
      ['1000ms', 1000],
      ['18h', 64_800_000],
    ],
    bad: ['1500ms', '999ms', '18h1s', 0],
  },
  {
    name: 'size',
    format: byteSize('256B', '1GB'),
    good: [
      [4096, 4096],
      ['4096', 4096],
      ['256B', 256],
      ['1KB', 1024],
      ['1kb', 1024],
      ['1KiB', 1024],
      ['1 MB', 1_048_576],
      ['1.5MB', 1_572_864],
      ['1GB', 1_073_741_824],
    ],
    bad: [255, '255', '1.1GB', '1T', '1K', 'MB', '', '-1MB', 256.5, '0.3KB', null, true, ['1MB']],
  },
  {
    name: 'integer',
    format: integer(1, 10),
    good: [
      [1, 1],
      [10, 10],
    ],
    bad: [0, 11, 1.5, '1', null, true, Number.POSITIVE_INFINITY],
  },
  {
    name: 'boolean',
    format: boolean,
    good: [
      [true, true],
      [false, false],
    ],
    bad: ['true', 1, 0, null],
  },
  {
    name: 'choice',
    format: choice('auto', true, 4),
    good: [
      ['auto', 'auto'],
      [true, true],
      [4, 4],
    ],
    bad: ['AUTO', false, '4', null],
  },
  {
    name: 'list',
    format: listOf(choice('$SYS', '$share'), 'tokens'),
    good: [
      [[], []],
      [['$SYS'], ['$SYS']],
    ],
    bad: ['$SYS', ['x'], {}, null, [['$SYS']]],
  },
  {
    name: 'either',
    format: either(choice('same_origin'), listOf(names.webOrigin, 'origins')),
    good: [
      ['same_origin', 'same_origin'],
      [
        ['https://a.example', 'http://b:8080'],
        ['https://a.example', 'http://b:8080'],
      ],
    ],
    bad: ['any', ['https://a.example/'], ['a.example'], ['null'], ['file:///x']],
  },
  {
    name: 'listen address',
    format: names.listenAddress,
    good: [
      ['127.0.0.1:4222', { host: '127.0.0.1', port: 4222 }],
      [':4222', { host: '0.0.0.0', port: 4222 }],
      ['[::1]:4222', { host: '::1', port: 4222 }],
      ['localhost:0', { host: 'localhost', port: 0 }],
      ['my-host.example:65535', { host: 'my-host.example', port: 65_535 }],
    ],
    bad: [
      '4222',
      4222,
      '::1:4222',
      '127.0.0.1',
      'a:65536',
      'a:',
      '[1.2.3.4]:1',
      '[]:1',
      'a b:1',
      'tcp://a:1',
      'a:-1',
      null,
    ],
  },
  {
    name: 'broker URL',
    format: names.brokerUrl,
    good: [
      ['embedded:', 'embedded:'],
      ['embedded', 'embedded:'],
      ['mqtt://127.0.0.1:1883', 'mqtt://127.0.0.1:1883'],
      ['mqtt://[::1]', 'mqtt://[::1]'],
      ['mqtts://broker.example/', 'mqtts://broker.example/'],
      ['wss://broker.example/mqtt?token=1', 'wss://broker.example/mqtt?token=1'],
      ['mqtt+unix:///run/mosquitto.sock', 'mqtt+unix:///run/mosquitto.sock'],
    ],
    bad: [
      '',
      'localhost',
      'localhost:1883',
      'http://a',
      'mqtt://',
      'mqtt://u:p@a',
      'mqtt://u@a',
      'mqtt://a/path',
      'mqtt://a?x=1',
      'mqtt://a:0',
      'mqtt://a:99999',
      'wss://a/#x',
      'mqtt+unix://host/x',
      'mqtt+unix:///',
      'mqtt://a b',
      'mqtt://a\n',
      5,
    ],
  },
  {
    name: 'template with secrets',
    format: text,
    good: [
      ['', ''],
      ['fixed', 'fixed'],
      ['${connect.user}-${generated}', '${connect.user}-${generated}'],
      ['${Packet.pass}', '${Packet.pass}'],
      ['$x{y}', '$x{y}'],
    ],
    bad: [
      '${',
      '${connect.user',
      '${}',
      '${connect.nothing}',
      '${user}',
      '${identity.a b}',
      'a\u0000',
      'a\nb',
      5,
    ],
  },
  {
    name: 'template without secrets',
    format: publicText,
    good: [['${connect.name}', '${connect.name}']],
    bad: ['${connect.pass}', '${Packet.pass}', '${connect.auth_token}', '${connect.jwt}', '${connect.sig}'],
  },
  {
    name: 'mountpoint',
    format: names.mountpoint,
    good: [
      ['', ''],
      ['a/', 'a/'],
      ['/', '/'],
      ['${connect.user}/', '${connect.user}/'],
      ['a/${listener}/b/', 'a/${listener}/b/'],
    ],
    bad: ['a', 'a/+/', '#/', '$SYS/', '$share/g/', '${connect.pass}/', 'a/\u0001/', 1],
  },
  {
    name: 'subject',
    format: names.subjectPattern,
    good: [
      ['a', 'a'],
      ['a.*.b.>', 'a.*.b.>'],
      ['>', '>'],
      ['a>b.c*', 'a>b.c*'],
    ],
    bad: ['', '.', 'a..b', 'a.', '.a', 'a.>.b', 'a b', 'a\tb', null],
  },
  {
    name: 'identifier',
    format: names.identifier,
    good: [['x'.repeat(128), 'x'.repeat(128)]],
    bad: ['', 'a b', 'x'.repeat(129), 'a\u0007', 5],
  },
];

for (const { name, format, good, bad } of TABLES) {
  for (const [input, expected] of good) {
    test(`${name}: takes ${JSON.stringify(input).slice(0, 60)}`, () => {
      assert.deepEqual(format.parse(input), expected);
    });
  }
  for (const input of bad) {
    test(`${name}: refuses ${String(JSON.stringify(input)).slice(0, 60)}`, () => {
      assert.throws(() => format.parse(input), FormatError);
    });
  }
}

const FROM_TEXT: readonly (readonly [string, Format<unknown>, string, unknown])[] = [
  ['integer', integer(0, 9), ' 7 ', 7],
  ['integer', integer(0, 9), '7x', '7x'],
  ['boolean', boolean, 'TRUE', true],
  ['boolean', boolean, 'yes', 'yes'],
  ['choice of numbers', choice(4, 5), '5', 5],
  ['choice of words and truth values', choice('auto', true, false), 'false', false],
  ['size', byteSize('1B', '1MB'), '1KB', '1KB'],
  ['list', listOf(boolean, ''), '[true]', [true]],
  ['either, first', either(choice('same_origin'), listOf(boolean, '')), 'same_origin', 'same_origin'],
  ['either, second', either(choice('same_origin'), listOf(boolean, '')), '[]', []],
];

for (const [name, format, input, expected] of FROM_TEXT) {
  test(`${name}: text ${JSON.stringify(input)} becomes ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(format.fromText(input), expected);
  });
}

test('list: text that is no JSON is refused', () => {
  assert.throws(() => listOf(boolean, '').fromText('a,b'), {
    name: 'FormatError',
    message: /must be written as JSON/,
  });
});

const HINTS: readonly (readonly [Format<unknown>, unknown, string])[] = [
  [names.brokerUrl, 'localhost:1883', 'must begin with a scheme: mqtt://localhost:1883'],
  [
    names.brokerUrl,
    'mqtt://u:p@h',
    'must not hold a user name or password; use upstream.username and upstream.password_file',
  ],
  [names.mountpoint, 'a', 'must end in "/", so that it is made of whole topic levels'],
  [publicText, '${connect.pass}', 'has ${connect.pass}, which is a secret and would be visible to others'],
];

for (const [format, input, message] of HINTS) {
  test(`${format.kind}: says what to do about ${JSON.stringify(input)}`, () => {
    assert.throws(() => format.parse(input), { message });
  });
}
