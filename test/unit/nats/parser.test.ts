import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '../../../src/errors.ts';
import { Parser } from '../../../src/nats/parser.ts';
import { parse, Recorder, singleBytes } from './recorder.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

interface Sample {
  readonly name: string;
  readonly input: string;
  readonly expected?: readonly string[];
  readonly error?: string;
}

const UNKNOWN = 'GW_PARSE_UNKNOWN_OPERATION';
const ARGUMENTS = 'GW_PARSE_ARGUMENTS';

const SAMPLES: readonly Sample[] = [
  { name: 'PING', input: 'PING\r\n', expected: ['PING'] },
  { name: 'PONG', input: 'PONG\r\n', expected: ['PONG'] },
  { name: 'small letters', input: 'ping\r\n', expected: ['PING'] },
  {
    name: 'mixed letters',
    input: 'pInG\r\nuNsUb 1\r\nhPuB a 0 0\r\n\r\n',
    expected: ['PING', 'UNSUB 1 max=0', 'PUB a payload=""'],
  },
  { name: 'LF alone ends a line', input: 'PING\nSUB a 1\n', expected: ['PING', 'SUB a sid=1'] },
  {
    name: 'junk behind PING',
    input: 'PING xyz\r\nPINGxyz\r\nPONG \t\r \n',
    expected: ['PING', 'PING', 'PONG'],
  },
  { name: 'long junk behind PING', input: `PING ${'x'.repeat(9000)}\r\n`, expected: ['PING'] },
  {
    name: 'tabs and runs of blanks',
    input: 'SUB\ta\t 1 \r\nPUB  a \t 2\r\nhi\r\n',
    expected: ['SUB a sid=1', 'PUB a payload="hi"'],
  },
  {
    name: 'any number of blanks behind the name',
    input: `SUB ${' \t'.repeat(4000)}a 1\r\n`,
    expected: ['SUB a sid=1'],
  },
  {
    name: 'INFO, +OK and PONG are no errors',
    input: 'INFO {}\r\n+OK\r\n+ok then\r\nPONG\r\nPING\r\n',
    expected: ['PONG', 'PING'],
  },
  { name: 'INFO with null', input: 'INFO null\r\nPING\r\n', expected: ['PING'] },
  {
    name: 'CONNECT',
    input: 'CONNECT {"verbose":false}\r\nPING\r\n',
    expected: ['CONNECT {"verbose":false}', 'PING'],
  },
  { name: 'CONNECT without blank', input: 'CONNECT{}\r\n', expected: ['CONNECT {}'] },
  { name: 'CONNECT without argument is for JSON to refuse', input: 'CONNECT\r\n', expected: ['CONNECT '] },
  {
    name: 'CONNECT keeps blanks inside',
    input: 'connect  {"name": "a b"} \r\n',
    expected: ['CONNECT {"name": "a b"} '],
  },
  { name: 'SUB with queue', input: 'SUB a.b q 7\r\n', expected: ['SUB a.b queue=q sid=7'] },
  {
    name: 'stray CR in SUB and UNSUB is a blank',
    input: 'SUB a 1\r\r\nUNSUB 1\r 5\r\n',
    expected: ['SUB a sid=1', 'UNSUB 1 max=5'],
  },
  {
    name: 'UNSUB',
    input: 'UNSUB 1\r\nUNSUB 1 5\r\nUNSUB 1 0\r\n',
    expected: ['UNSUB 1 max=0', 'UNSUB 1 max=5', 'UNSUB 1 max=0'],
  },
  {
    name: 'UNSUB with a max that is no number',
    input: 'UNSUB 1 abc\r\nUNSUB 1 -1\r\nUNSUB 1 1x\r\n',
    expected: Array(3).fill('UNSUB 1 max=0'),
  },
  {
    name: 'UNSUB with 9 and 10 digits',
    input: 'UNSUB 1 999999999\r\nUNSUB 1 1000000000\r\n',
    expected: ['UNSUB 1 max=999999999', 'UNSUB 1 max=0'],
  },
  {
    name: 'PUB with reply',
    input: 'PUB a _INBOX.1 2\r\nhi\r\n',
    expected: ['PUB a reply=_INBOX.1 payload="hi"'],
  },
  {
    name: 'empty payload',
    input: 'PUB a 0\r\n\r\nPUB b r 0\r\n\r\n',
    expected: ['PUB a payload=""', 'PUB b reply=r payload=""'],
  },
  {
    name: 'payload with CR LF and operations',
    input: 'PUB a 8\r\nPUB\r\nx\r\n\r\nPING\r\n',
    expected: ['PUB a payload="PUB\\r\\nx\\r\\n"', 'PING'],
  },
  {
    name: 'payload behind a line that ends in LF',
    input: 'PUB a 2\nhi\r\n',
    expected: ['PUB a payload="hi"'],
  },
  { name: '9 digits', input: 'PUB a 000000002\r\nhi\r\n', expected: ['PUB a payload="hi"'] },
  {
    name: 'HPUB',
    input: 'HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n',
    expected: ['PUB a headers="NATS/1.0\\r\\n\\r\\n" payload="hi"'],
  },
  {
    name: 'HPUB with reply',
    input: 'HPUB a r 12 12\r\nNATS/1.0\r\n\r\n\r\n',
    expected: ['PUB a reply=r headers="NATS/1.0\\r\\n\\r\\n" payload=""'],
  },
  { name: 'HPUB with an empty block', input: 'HPUB a 0 2\r\nhi\r\n', expected: ['PUB a payload="hi"'] },
  {
    name: 'HPUB with any bytes as headers',
    input: 'HPUB a 5 7\r\nabcdehi\r\n',
    expected: ['PUB a headers="abcde" payload="hi"'],
  },
  {
    name: 'names with odd bytes',
    input: 'SUB f\xfc.\x00\x0b\x0c\x7f\xff sid-\xfc\r\nPUB a..b >. 1\r\n\xff\r\n',
    expected: ['SUB f\xfc.\x00\x0b\x0c\x7f\xff sid=sid-\xfc', 'PUB a..b reply=>. payload="\xff"'],
  },
  { name: 'payload without end', input: 'PUB a 5\r\nhe', expected: [] },
  { name: 'line without end', input: 'PING\r\nSUB a 1', expected: ['PING'] },

  { name: 'leading blank', input: ' PING\r\n', error: UNKNOWN },
  { name: 'empty line', input: 'PING\r\n\r\n', expected: ['PING'], error: UNKNOWN },
  { name: 'unknown name', input: 'FOO\r\n', error: UNKNOWN },
  { name: 'unknown first byte, at once', input: 'F', error: UNKNOWN },
  { name: 'name that goes wrong, at once', input: 'PUX', error: UNKNOWN },
  { name: 'operation of the server', input: 'MSG a 1 0\r\n\r\n', error: UNKNOWN },
  ...['A', 'R', 'L'].map((name) => ({
    name: `operation ${name} of routes`,
    input: `${name}+ a\r\n`,
    error: UNKNOWN,
  })),
  ...['PUB', 'HPUB', 'SUB', 'UNSUB', '-ERR'].map((name) => ({
    name: `${name} without a blank`,
    input: `${name}\r\n`,
    error: UNKNOWN,
  })),
  { name: 'bytes above 127 in a name', input: 'PI\xceG\r\n', error: UNKNOWN },
  { name: '-ERR', input: "-ERR 'x'\r\n", error: 'GW_CLIENT_SENT_ERR' },
  { name: 'INFO with bad JSON', input: 'INFO {x}\r\n', error: 'GW_CONNECT_JSON' },
  { name: 'INFO with an array', input: 'INFO []\r\n', error: 'GW_CONNECT_JSON' },
  { name: 'INFO with nothing', input: 'INFO\r\n', error: 'GW_CONNECT_JSON' },
  ...[
    'PUB ',
    'PUB a',
    'PUB a b c 1',
    'SUB ',
    'SUB a',
    'SUB a b c d',
    'UNSUB ',
    'UNSUB 1 2 3',
    'HPUB a 1',
    'HPUB a b c 1 1',
    'SUB a b c d e f g',
  ].map((line) => ({ name: `wrong number of arguments: ${line}`, input: `${line}\r\n`, error: ARGUMENTS })),
  ...['-1', '+1', '1x', '0000000002', '1.0', 'x'].map((size) => ({
    name: `bad size ${size}`,
    input: `PUB a ${size}\r\n`,
    error: ARGUMENTS,
  })),
  { name: 'HPUB with a bad header size', input: 'HPUB a x 2\r\n', error: ARGUMENTS },
  { name: 'HPUB with more headers than bytes', input: 'HPUB a 3 2\r\n', error: ARGUMENTS },
  { name: 'stray CR at the end of PUB', input: 'PUB a 1\r\r\n', error: ARGUMENTS },
  { name: 'stray CR in the subject of PUB', input: 'PUB a\rb 1\r\nx\r\n', error: ARGUMENTS },
  { name: 'SUB directly followed by LF', input: 'SUB \na 1\r\n', error: ARGUMENTS },
  { name: 'payload longer than announced', input: 'PUB a 2\r\nhixx\r\n', error: UNKNOWN },
  { name: 'payload that ends in LF, at once', input: 'PUB a 2\r\nhi\n', error: UNKNOWN },
  { name: 'payload that ends in CR and something', input: 'PUB a 2\r\nhi\rx', error: UNKNOWN },
  {
    name: 'error behind good operations',
    input: 'PING\r\nPUB a 1\r\nx\r\nSUB a\r\n',
    expected: ['PING', 'PUB a payload="x"'],
    error: ARGUMENTS,
  },
];

describe('parser: every sample whole, byte by byte, and cut at every position', () => {
  for (const { name, input, expected = [], error = null } of SAMPLES) {
    it(`parser: ${name}`, () => {
      const outcome = { operations: expected, error };
      const whole = bytes(input);
      assert.deepEqual(parse([whole]), outcome);
      assert.deepEqual(parse(singleBytes(whole)), outcome);
      const step = Math.ceil(whole.length / 500);
      for (let cut = 1; cut < whole.length; cut += step) {
        assert.deepEqual(parse([whole.subarray(0, cut), whole.subarray(cut)]), outcome, `cut at ${cut}`);
      }
    });
  }
});

describe('parser: maximum control line', () => {
  const atLimit = 'a'.repeat(4094);
  const rows = [
    { name: 'accepts 4,096 bytes', input: `SUB ${atLimit} 1\r\n`, error: null },
    { name: 'accepts 4,096 bytes behind blanks', input: `SUB  \t ${atLimit} 1\n`, error: null },
    {
      name: 'rejects a control line of 4,097 bytes',
      input: `SUB ${atLimit} 12\r\n`,
      error: 'GW_PARSE_CONTROL_LINE',
    },
    { name: 'counts trailing blanks', input: `SUB ${atLimit} 1 \r\n`, error: 'GW_PARSE_CONTROL_LINE' },
    {
      name: 'takes the length before the arguments',
      input: `SUB ${'a'.repeat(4097)}\r\n`,
      error: 'GW_PARSE_CONTROL_LINE',
    },
    { name: 'accepts 4,096 bytes and CR without LF', input: `SUB ${atLimit} 1\r`, error: null },
    { name: 'rejects an unfinished line', input: `PUB ${'a'.repeat(4097)}`, error: 'GW_PARSE_CONTROL_LINE' },
    {
      name: 'rejects an unfinished line with CR inside',
      input: `PUB ${'a'.repeat(4096)}\ra`,
      error: 'GW_PARSE_CONTROL_LINE',
    },
    {
      name: 'applies to CONNECT',
      input: `CONNECT {"name":"${'n'.repeat(5000)}"}\r\n`,
      error: 'GW_PARSE_CONTROL_LINE',
    },
    {
      name: 'applies to INFO',
      input: `INFO {"name":"${'n'.repeat(5000)}"}\r\n`,
      error: 'GW_PARSE_CONTROL_LINE',
    },
    { name: 'applies to -ERR', input: `-ERR ${'n'.repeat(5000)}\r\n`, error: 'GW_PARSE_CONTROL_LINE' },
  ];
  for (const { name, input, error } of rows) {
    it(`parser: ${name}`, () => {
      const whole = bytes(input);
      assert.equal(parse([whole]).error, error);
      assert.equal(parse(singleBytes(whole)).error, error);
      for (const cut of [1, 4, 5, 100, 4099, 4100, 4101, whole.length - 1]) {
        assert.equal(parse([whole.subarray(0, cut), whole.subarray(cut)]).error, error, `cut at ${cut}`);
      }
    });
  }

  it('parser: follows the configured limit', () => {
    assert.equal(parse([bytes('SUB abc 1\r\n')], new Recorder(), 5).error, null);
    assert.equal(parse([bytes('SUB abc 1\r\n')], new Recorder(), 4).error, 'GW_PARSE_CONTROL_LINE');
  });

  it('parser: keeps no more of a flood without line end than the limit', () => {
    const recorder = new Recorder();
    const parser = new Parser(recorder, { maxControlLineBytes: 4096 });
    parser.push(bytes(`SUB ${'a'.repeat(4000)}`));
    assert.ok(parser.bufferedBytes <= 4098, String(parser.bufferedBytes));
    assert.throws(() => parser.push(Buffer.alloc(10_000_000, 0x61)), { code: 'GW_PARSE_CONTROL_LINE' });
    assert.equal(parser.bufferedBytes, 0);
  });

  it('parser: keeps nothing of blanks behind a name', () => {
    const parser = new Parser(new Recorder(), { maxControlLineBytes: 4096 });
    parser.push(bytes('SUB '));
    for (let i = 0; i < 100; i++) parser.push(Buffer.alloc(1000, 0x20));
    assert.equal(parser.bufferedBytes, 0);
  });
});

describe('parser: payload limit', () => {
  it('parser: takes a payload of exactly the limit', () => {
    const recorder = new Recorder();
    recorder.maxPayloadBytes = 3;
    assert.deepEqual(parse([bytes('PUB a 3\r\nabc\r\n')], recorder), {
      operations: ['PUB a payload="abc"'],
      error: null,
    });
  });

  it('parser: rejects one byte more on the control line, before any payload', () => {
    const recorder = new Recorder();
    recorder.maxPayloadBytes = 3;
    assert.equal(parse([bytes('PUB a 4\r\n')], recorder).error, 'GW_MAX_PAYLOAD');
    assert.deepEqual(recorder.incomplete, []);
  });

  it('parser: counts the headers of HPUB', () => {
    const recorder = new Recorder();
    recorder.maxPayloadBytes = 13;
    assert.equal(parse([bytes('HPUB a 12 14\r\n')], recorder).error, 'GW_MAX_PAYLOAD');
  });

  it('parser: a bad size wins over a large one', () => {
    const recorder = new Recorder();
    recorder.maxPayloadBytes = 3;
    assert.equal(parse([bytes('HPUB a 999 998\r\n')], recorder).error, ARGUMENTS);
  });

  it('parser: asks for the limit at each PUB', () => {
    const recorder = new Recorder();
    const parser = new Parser(recorder, { maxControlLineBytes: 4096 });
    parser.push(bytes('PUB a 3\r\nabc\r\n'));
    recorder.maxPayloadBytes = 2;
    assert.throws(() => parser.push(bytes('PUB a 3\r\nabc\r\n')), { code: 'GW_MAX_PAYLOAD' });
  });

  it('parser: rejects HPUB as long as the client has not announced headers', () => {
    const recorder = new Recorder();
    recorder.hasHeaders = false;
    assert.equal(parse([bytes('HPUB a 0 0\r\n\r\n')], recorder).error, ARGUMENTS);
  });
});

describe('parser: bodies', () => {
  it('parser: a PUB within one chunk is handed on in that chunk', () => {
    const recorder = new Recorder();
    const chunk = bytes('PING\r\nPUB a r 2\r\nhi\r\n');
    let isSame = false;
    recorder.onTaken = (op) => {
      isSame = op.line === chunk && op.body === chunk;
    };
    parse([chunk], recorder);
    assert.ok(isSame);
    assert.deepEqual(recorder.incomplete, []);
  });

  it('parser: asks before it gathers a body, once, with the size of headers and payload', () => {
    const recorder = new Recorder();
    parse(singleBytes(bytes('HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n')), recorder);
    assert.deepEqual(recorder.incomplete, [14]);
    assert.equal(recorder.operations.length, 1);
  });

  it('parser: a gathered body is of its own and is never written to again', () => {
    const recorder = new Recorder();
    const kept: Buffer[] = [];
    recorder.onTaken = (op) => kept.push(op.body.subarray(op.payloadStart, op.payloadEnd));
    const messages = Array.from({ length: 50 }, (_, i) => String(i).padStart(40, '.'));
    parse(singleBytes(bytes(messages.map((text) => `PUB a 40\r\n${text}\r\n`).join(''))), recorder);
    assert.deepEqual(kept.map(String), messages);
  });

  it('parser: what is gathered is as large as the message, and keeps no chunk alive', () => {
    const recorder = new Recorder();
    const sizes: number[] = [];
    recorder.onTaken = (op) => sizes.push(op.line.length, op.body.length);
    const input = bytes(`PING\r\nPUB abc rep 5000\r\n${'x'.repeat(5000)}\r\n`);
    parse([input.subarray(0, 50), ...singleBytes(input.subarray(50))], recorder);
    assert.deepEqual(sizes, ['abc rep 5000'.length, 5002]);
  });

  it('parser: an announced body costs nothing until it is sent', () => {
    const recorder = new Recorder();
    recorder.maxPayloadBytes = 999_999_999;
    const parser = new Parser(recorder, { maxControlLineBytes: 4096 });
    parser.push(bytes('PUB a 999999999\r\n'));
    assert.ok(parser.bufferedBytes < 100, String(parser.bufferedBytes));
    parser.push(Buffer.alloc(10_000));
    assert.ok(parser.bufferedBytes < 30_000, String(parser.bufferedBytes));
  });

  it('parser: the memory for a gathered body is given back with it', () => {
    const recorder = new Recorder();
    const parser = new Parser(recorder, { maxControlLineBytes: 4096 });
    parser.push(bytes('PUB subject 100000\r\n'));
    parser.push(Buffer.alloc(99_999));
    assert.ok(
      parser.bufferedBytes >= 99_999 && parser.bufferedBytes <= 100_100,
      String(parser.bufferedBytes),
    );
    parser.push(Buffer.alloc(1));
    parser.push(bytes('\r\n'));
    assert.equal(recorder.operations.length, 1);
    assert.equal(parser.bufferedBytes, 0);
  });

  it('parser: a line gathered from chunks with its body in the last one', () => {
    assert.deepEqual(parse(['PUB sub', 'ject re', 'ply 2\r\nhi\r\nPI', 'NG\r\n'].map(bytes)), {
      operations: ['PUB subject reply=reply payload="hi"', 'PING'],
      error: null,
    });
  });
});

describe('parser: hold and resume', () => {
  const ALL =
    'CONNECT {}\r\nSUB a q 1\r\nUNSUB 1 2\r\nPUB a r 2\r\nhi\r\nHPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\nPING\r\nPONG\r\n';
  const expected = parse([bytes(ALL)]).operations;

  it('parser: stops in front of a refused operation and offers it again', () => {
    const recorder = new Recorder();
    const parser = new Parser(recorder, { maxControlLineBytes: 4096 });
    let refusals = 3;
    recorder.refuses = () => refusals-- > 0;
    parser.push(bytes('PUB a 2\r\nhi\r\nPING\r\n'));
    assert.ok(parser.isHeld);
    parser.resume();
    assert.deepEqual([parser.isHeld, recorder.operations], [true, []]);
    parser.resume();
    parser.resume();
    assert.deepEqual([parser.isHeld, recorder.operations], [false, ['PUB a payload="hi"', 'PING']]);
    assert.equal(parser.bufferedBytes, 0);
  });

  it('parser: every operation can be refused, whole and byte by byte', () => {
    for (const chunks of [[bytes(ALL)], [...singleBytes(bytes(ALL))]]) {
      const recorder = new Recorder();
      let calls = 0;
      recorder.refuses = () => calls++ % 3 !== 0;
      assert.deepEqual(parse(chunks, recorder), { operations: expected, error: null });
    }
  });

  it('parser: chunks pushed while held are kept, counted, and parsed in order', () => {
    const recorder = new Recorder();
    const parser = new Parser(recorder, { maxControlLineBytes: 4096 });
    let isRefusing = true;
    recorder.refuses = () => isRefusing;
    for (const chunk of singleBytes(bytes(ALL))) parser.push(chunk);
    assert.deepEqual(recorder.operations, []);
    assert.ok(parser.bufferedBytes >= ALL.length - 'CONNECT {}\r\n'.length);
    isRefusing = false;
    parser.resume();
    assert.deepEqual(recorder.operations, expected);
    assert.equal(parser.bufferedBytes, 0);
  });

  it('parser: a refused body is asked for again and nothing of it is lost', () => {
    const recorder = new Recorder();
    const parser = new Parser(recorder, { maxControlLineBytes: 4096 });
    let isRefusing = true;
    recorder.refuses = () => isRefusing;
    parser.push(bytes('PUB a 5\r\nhe'));
    assert.ok(parser.isHeld);
    parser.push(bytes('ll'));
    parser.resume();
    isRefusing = false;
    parser.resume();
    parser.push(bytes('o\r\n'));
    assert.deepEqual(recorder.incomplete, [5, 5, 5]);
    assert.deepEqual(recorder.operations, ['PUB a payload="hello"']);
  });

  it('parser: resume does nothing unless an operation is held', () => {
    const recorder = new Recorder();
    const parser = new Parser(recorder, { maxControlLineBytes: 4096 });
    parser.resume();
    parser.push(bytes('PING\r\nPUB a 3\r\nx'));
    parser.resume();
    parser.push(bytes('yz\r\n'));
    assert.deepEqual(recorder.operations, ['PING', 'PUB a payload="xyz"']);
  });

  it('parser: push and resume from within a handler do not disturb the order', () => {
    const recorder = new Recorder();
    const parser = new Parser(recorder, { maxControlLineBytes: 4096 });
    recorder.onTaken = () => {
      recorder.onTaken = () => undefined;
      parser.push(bytes('PONG\r\n'));
      parser.resume();
    };
    parser.push(bytes('PUB a 1\r\nx\r\nPING\r\n'));
    assert.deepEqual(recorder.operations, ['PUB a payload="x"', 'PING', 'PONG']);
  });

  it('parser: an error after a resume is thrown by it', () => {
    const recorder = new Recorder();
    const parser = new Parser(recorder, { maxControlLineBytes: 4096 });
    let isRefusing = true;
    recorder.refuses = () => isRefusing;
    parser.push(bytes('PING\r\nFOO\r\n'));
    isRefusing = false;
    assert.throws(() => parser.resume(), { code: UNKNOWN });
    assert.deepEqual([parser.isHeld, recorder.operations], [false, ['PING']]);
  });
});

describe('parser: errors', () => {
  it('parser: is dead after an error and keeps nothing', () => {
    const recorder = new Recorder();
    const parser = new Parser(recorder, { maxControlLineBytes: 4096 });
    assert.throws(() => parser.push(bytes('FOO\r\nPING\r\n')), GatewayError);
    parser.push(bytes('PING\r\n'));
    parser.resume();
    assert.deepEqual(recorder.operations, []);
    assert.equal(parser.bufferedBytes, 0);
  });

  it('parser: passes on what a handler throws, and is dead', () => {
    const recorder = new Recorder();
    const parser = new Parser(recorder, { maxControlLineBytes: 4096 });
    const failure = new GatewayError('GW_AUTHORIZATION', 'first operation is not CONNECT');
    recorder.refuses = () => {
      throw failure;
    };
    assert.throws(() => parser.push(bytes('PING\r\n')), failure);
    recorder.refuses = () => false;
    parser.push(bytes('PING\r\n'));
    assert.deepEqual(recorder.operations, []);
  });

  it('parser: no error carries what the client has sent', () => {
    for (const input of [
      'INFO {secret}\r\n',
      'PUB secret 1x\r\n',
      'PUB secret secret secret 1\r\n',
      'secret\r\n',
    ]) {
      try {
        parse([bytes(input)]);
        new Parser(new Recorder(), { maxControlLineBytes: 4096 }).push(bytes(input));
        assert.fail('no error');
      } catch (error) {
        assert.ok(error instanceof GatewayError);
        assert.equal(error.cause, undefined);
        assert.doesNotMatch(error.message + JSON.stringify(error.context), /secret/);
      }
    }
  });
});

describe('parser: effort', () => {
  /** Best of three: others share the machine. */
  const milliseconds = (run: () => void): number => {
    const times = [1, 2, 3].map(() => {
      const start = performance.now();
      run();
      return performance.now() - start;
    });
    return Math.min(...times);
  };

  it('parser: single bytes cost the same in a long line as in short ones', () => {
    const total = 262_144;
    const long = bytes(`SUB ${'a'.repeat(total)} 1\r\n`);
    const short = bytes(`SUB ${'a'.repeat(100)} 1\r\n`.repeat(total / 100));
    const shortTime = milliseconds(() => parse(singleBytes(short), new Recorder(), total * 2));
    const longTime = milliseconds(() => parse(singleBytes(long), new Recorder(), total * 2));
    assert.ok(longTime < shortTime * 10 + 20, `${longTime} ms against ${shortTime} ms`);
  });

  it('parser: a parser held at each operation of a large chunk stays linear', () => {
    const chunk = bytes('PING\r\n'.repeat(20_000));
    const time = (isRefusing: boolean) =>
      milliseconds(() => {
        const recorder = new Recorder();
        let calls = 0;
        recorder.refuses = () => isRefusing && calls++ % 2 === 0;
        assert.equal(parse([chunk], recorder).operations.length, 20_000);
      });
    const free = time(false);
    const held = time(true);
    assert.ok(held < free * 20 + 20, `${held} ms against ${free} ms`);
  });
});
