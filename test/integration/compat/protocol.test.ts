/** Checklist rows 1 to 35: INFO, the parser, control lines, CONNECT. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectRaw } from '../../support/raw-client.ts';
import {
  type Pair,
  QUIET,
  REQUESTER,
  type Row,
  runOn,
  runOnBoth,
  type Stage,
  startPair,
  testRows,
} from './compat.ts';
import { EOF } from './transcript.ts';

const UNKNOWN = ["-ERR 'Unknown Protocol Operation'", EOF];
const LINE_TOO_LONG = ["-ERR 'maximum control line exceeded'", EOF];
const PAYLOAD_TOO_LONG = ["-ERR 'Maximum Payload Violation'", EOF];
const SILENT = [EOF];
const MAX_PAYLOAD = 1024 * 1024;

let pair: Pair;

before(async () => {
  pair = await startPair();
});

after(() => pair.stop());

test('checklist 1: INFO comes first, in one line that ends with a blank', async () => {
  await runOnBoth(
    pair,
    async ({ target }) => {
      const raw = await connectRaw(target.host, target.port, { readInfo: false });
      const line = await raw.expect(/INFO [^\r\n]*\r\n/);
      assert.equal(raw.unread.length, 0);
      await raw.close();
      assert.match(line, /^INFO \{.*\} \r\n$/);
      const info = JSON.parse(line.slice(5)) as Record<string, unknown>;
      const types: Record<string, string> = {};
      for (const key of INFO_KEYS) types[key] = typeof info[key];
      return { types, proto: info.proto, headers: info.headers, maxPayload: info.max_payload };
    },
    {
      types: {
        server_id: 'string',
        server_name: 'string',
        version: 'string',
        proto: 'number',
        go: 'string',
        host: 'string',
        port: 'number',
        headers: 'boolean',
        max_payload: 'number',
        client_id: 'number',
        client_ip: 'string',
      },
      proto: 1,
      headers: true,
      maxPayload: MAX_PAYLOAD,
    },
  );
});

const INFO_KEYS = [
  'server_id',
  'server_name',
  'version',
  'proto',
  'go',
  'host',
  'port',
  'headers',
  'max_payload',
  'client_id',
  'client_ip',
];

test('checklist 2: version is a semantic version', async () => {
  await runOnBoth(
    pair,
    async (stage) => /^\d+\.\d+\.\d+/.test(String((await stage.open()).raw.info.version)),
    true,
  );
});

test('checklist 3: client_id increases', async () => {
  await runOnBoth(
    pair,
    async (stage) => {
      const [first, second] = [await stage.open(), await stage.open()];
      return Number(second.raw.info.client_id) > Number(first.raw.info.client_id);
    },
    true,
  );
});

test('checklist 4: PONG is the first line after CONNECT and PING', async () => {
  await runOnBoth(
    pair,
    async (stage) => {
      const client = await stage.open(null);
      client.send(`CONNECT ${JSON.stringify({ ...REQUESTER, protocol: 1 })}\r\nPING\r\n`);
      return await client.raw.expect('PONG\r\n');
    },
    'PONG\r\n',
  );
});

test('checklist 5: INFO after CONNECT comes only after the first PONG', async () => {
  const script = (protocol: number) => async (stage: Stage) => {
    const client = await stage.open({ ...QUIET, protocol });
    client.send('SUB a 1\r\nPING\r\nPING\r\n');
    await client.raw.expect('PONG\r\n');
    return (await client.raw.readUntil('PONG\r\n')).toString();
  };
  // Before 2.12 nothing had changed, so nothing was said.
  assert.equal(await runOn(pair.targets[0], script(1)), 'PONG\r\n');
  const answer = await runOn(pair.targets[1], script(1));
  assert.match(answer, /^INFO \{.*\} \r\nPONG\r\n$/);
  const info = JSON.parse(answer.slice(5, answer.indexOf('\r'))) as Record<string, unknown>;
  assert.equal(info.connect_info, true);
  for (const key of INFO_KEYS) assert.ok(key in info, `the second INFO lacks ${key}`);
});

test('checklist 6: no INFO after CONNECT for protocol 0', async () => {
  await runOnBoth(
    pair,
    async (stage) => {
      const client = await stage.open({ ...QUIET, protocol: 0 });
      client.send('PING\r\nPING\r\n');
      return await client.raw.expect('PONG\r\nPONG\r\n');
    },
    'PONG\r\nPONG\r\n',
  );
});

test('checklist 22: byte by byte', async () => {
  await runOnBoth(
    pair,
    async (stage) => {
      const client = await stage.open(null);
      for (const byte of Buffer.from(`CONNECT ${JSON.stringify(REQUESTER)}\r\n${SPLIT_STREAM}`)) {
        await client.raw.sendAll(Buffer.of(byte));
      }
      return await client.sync();
    },
    SPLIT_ANSWER,
  );
});

test('checklist 23: cut at every offset', async () => {
  const stream = `CONNECT ${JSON.stringify(REQUESTER)}\r\n${SPLIT_STREAM}`;
  for (let cut = 1; cut < stream.length; cut++) {
    await runOnBoth(
      pair,
      async (stage) => {
        const client = await stage.open(null);
        await client.raw.sendAll(stream.slice(0, cut));
        await new Promise(setImmediate);
        client.send(stream.slice(cut));
        return await client.sync();
      },
      SPLIT_ANSWER,
    );
  }
});

const SPLIT_STREAM =
  'SUB a.* 1\r\nPUB a.b r.1 5\r\nhe\r\nl\r\nHPUB a.b 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n';
const SPLIT_ANSWER = ['MSG a.b 1 r.1 5\r\nhe\r\nl', 'HMSG a.b 1 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi'];

test('checklist 28: a message of exactly max_payload is delivered', async () => {
  const payload = Buffer.alloc(MAX_PAYLOAD, 'x');
  await runOnBoth(
    pair,
    async (stage) => {
      const client = await stage.open();
      client.send(
        Buffer.concat([Buffer.from(`SUB a 1\r\nPUB a ${MAX_PAYLOAD}\r\n`), payload, Buffer.from('\r\n')]),
      );
      const answer = await client.sync();
      return answer.map((operation) => [operation.slice(0, operation.indexOf('\r')), operation.length]);
    },
    [[`MSG a 1 ${MAX_PAYLOAD}`, `MSG a 1 ${MAX_PAYLOAD}\r\n`.length + MAX_PAYLOAD]],
  );
});

const rows: readonly Row[] = [
  {
    name: 'checklist 7: defaults are verbose, pedantic and echo',
    connect: {},
    send: 'SUB a 1\r\nPUB a 0\r\n\r\nPUB a.* 0\r\n\r\n',
    expect: ['+OK', '+OK', '+OK', 'MSG a 1 0\r\n', "-ERR 'Invalid Publish Subject'", '+OK'],
    isUnordered: true,
  },
  { name: 'checklist 8: operations in any case: ping', send: 'ping\r\n', expect: ['PONG'] },
  { name: 'checklist 8: operations in any case: pInG', send: 'pInG\r\n', expect: ['PONG'] },
  {
    name: 'checklist 8: operations in any case: sub, pub, unsub',
    send: 'sUb a 1\r\npuB a 0\r\n\r\nuNsUb 1\r\npub a 0\r\n\r\n',
    expect: ['MSG a 1 0\r\n'],
  },
  { name: 'checklist 9: lines that end with LF alone', send: 'PING\nPING\n', expect: ['PONG', 'PONG'] },
  { name: 'checklist 10: anything after PING', send: 'PING xyz\r\n', expect: ['PONG'] },
  {
    name: 'checklist 11: tabs and runs of blanks',
    send: 'SUB\ta\t 1 \r\nPUB  a \t 2\r\nhi\r\n',
    expect: ['MSG a 1 2\r\nhi'],
  },
  { name: 'checklist 12: a line starts with a blank', send: ' PING\r\n', expect: UNKNOWN },
  { name: 'checklist 12: an empty line', send: '\r\n', expect: UNKNOWN },
  { name: 'checklist 12: an unknown word', send: 'FOO\r\n', expect: UNKNOWN },
  { name: 'checklist 12: MSG from a client', send: 'MSG a 1 0\r\n\r\n', expect: UNKNOWN },
  { name: 'checklist 12: PUB without a blank', send: 'PUB\r\n', expect: UNKNOWN },
  {
    name: 'checklist 13: INFO, +OK and PONG from a client are ignored',
    send: 'INFO {}\r\n+OK\r\nPONG\r\nPING\r\n',
    expect: ['PONG'],
  },
  { name: 'checklist 14: -ERR from a client closes silently', send: "-ERR 'x'\r\n", expect: SILENT },
  { name: 'checklist 15: PUB with too few arguments', send: 'PUB a\r\n', expect: SILENT },
  { name: 'checklist 15: PUB with too many arguments', send: 'PUB a b c 1\r\nx\r\n', expect: SILENT },
  { name: 'checklist 16: PUB with a negative size', send: 'PUB a -1\r\n', expect: SILENT },
  { name: 'checklist 16: PUB with a size and a letter', send: 'PUB a 1x\r\n', expect: SILENT },
  { name: 'checklist 16: PUB with a size of 10 digits', send: 'PUB a 0000000002\r\nhi\r\n', expect: SILENT },
  { name: 'checklist 17: PUB with a size of 9 digits', send: 'PUB a 000000002\r\nhi\r\n', expect: [] },
  { name: 'checklist 18: SUB with one argument', send: 'SUB a\r\n', expect: SILENT },
  { name: 'checklist 18: SUB with four arguments', send: 'SUB a b c d\r\n', expect: SILENT },
  { name: 'checklist 18: UNSUB with three arguments', send: 'UNSUB 1 2 3\r\n', expect: SILENT },
  { name: 'checklist 19: an empty payload', send: 'SUB a 1\r\nPUB a 0\r\n\r\n', expect: ['MSG a 1 0\r\n'] },
  {
    name: 'checklist 20: a payload that looks like operations',
    send: 'SUB a 1\r\nPUB a 8\r\nPUB\r\nx\r\n\r\n',
    expect: ['MSG a 1 8\r\nPUB\r\nx\r\n'],
  },
  { name: 'checklist 21: a payload longer than announced', send: 'PUB a 2\r\nhixx\r\n', expect: UNKNOWN },
  {
    name: 'checklist 21: a payload that ends with LF alone',
    send: 'PUB a 2\r\nhi\nPING\r\n',
    expect: UNKNOWN,
  },
  { name: 'checklist 24: control line 4096', send: `SUB ${'a'.repeat(4094)} 1\r\n`, expect: [] },
  { name: 'checklist 24: control line 4097', send: `SUB ${'a'.repeat(4095)} 1\r\n`, expect: LINE_TOO_LONG },
  { name: 'checklist 25: a line without end', send: `PUB ${'a'.repeat(8000)}`, expect: LINE_TOO_LONG },
  {
    name: 'checklist 26: CONNECT counts as a control line',
    connect: { ...QUIET, name: 'n'.repeat(5000) },
    send: '',
    expect: LINE_TOO_LONG,
  },
  {
    name: 'checklist 27: max_payload is checked on the control line of PUB',
    send: `PUB a ${MAX_PAYLOAD + 1}\r\n`,
    expect: PAYLOAD_TOO_LONG,
  },
  {
    name: 'checklist 28: HPUB with headers and payload beyond max_payload',
    connect: REQUESTER,
    send: `HPUB a 12 ${MAX_PAYLOAD + 1}\r\n`,
    expect: PAYLOAD_TOO_LONG,
  },
  { name: 'checklist 29: CONNECT without JSON', connect: 'CONNECT xx\r\n', send: '', expect: SILENT },
  {
    name: 'checklist 29: CONNECT with text for a boolean',
    connect: { verbose: 'no' },
    send: '',
    expect: SILENT,
  },
  { name: 'checklist 29: CONNECT with a number for a text', connect: { name: 5 }, send: '', expect: SILENT },
  { name: 'checklist 29: CONNECT with a list', connect: 'CONNECT []\r\n', send: '', expect: SILENT },
  {
    name: 'checklist 29: CONNECT with more after the JSON',
    connect: 'CONNECT {"verbose":false} x\r\n',
    send: '',
    expect: SILENT,
  },
  {
    name: 'checklist 30: CONNECT in other case, with unknown keys, without a blank',
    connect: 'CONNECT{"VERBOSE":false,"zz":[1]}\r\n',
    send: 'SUB a 1\r\n',
    expect: [],
  },
  {
    name: 'checklist 30: CONNECT null and null values leave the defaults',
    connect: 'CONNECT null\r\nCONNECT {"verbose":null}\r\n',
    send: '',
    expect: ['+OK', '+OK'],
  },
  {
    name: 'checklist 31: protocol 2',
    connect: { ...QUIET, protocol: 2 },
    send: '',
    expect: ["-ERR 'invalid client protocol'", EOF],
  },
  {
    name: 'checklist 31: protocol -1',
    connect: { ...QUIET, protocol: -1 },
    send: '',
    expect: ["-ERR 'invalid client protocol'", EOF],
  },
  {
    name: 'checklist 32: no_responders without headers',
    connect: { ...QUIET, no_responders: true },
    send: '',
    expect: ["-ERR 'no responders requires headers support'", EOF],
  },
  {
    name: 'checklist 33: the field account',
    connect: { ...QUIET, account: 'x' },
    send: '',
    expect: ["-ERR 'Authorization Violation'", EOF],
  },
  {
    name: 'checklist 34: a second CONNECT keeps what it does not name',
    connect: 'CONNECT {"verbose":false}\r\nCONNECT {"name":"z"}\r\n',
    send: 'SUB a 1\r\nPUB a 0\r\n\r\n',
    expect: ['MSG a 1 0\r\n'],
  },
  {
    name: 'checklist 34: a second CONNECT changes what it names',
    connect: 'CONNECT {"verbose":false,"pedantic":false}\r\nCONNECT {"verbose":true}\r\n',
    send: 'SUB a 1\r\n',
    expect: ['+OK', '+OK'],
  },
  {
    name: 'checklist 34: a second CONNECT changes nothing about what came before it',
    connect: { pedantic: false },
    send: 'PUB b 0\r\n\r\nSUB a 1\r\nUNSUB 1\r\nPUB b 0\r\n\r\nCONNECT {"verbose":false}\r\nPUB b 0\r\n\r\n',
    expect: ['+OK', '+OK', '+OK', '+OK', '+OK'],
  },
  {
    name: 'checklist 34: verbose from a second CONNECT on',
    send: 'SUB a 1\r\nPUB b 0\r\n\r\nUNSUB 1\r\nCONNECT {"verbose":true}\r\nUNSUB 1\r\n',
    expect: ['+OK', '+OK'],
  },
  { name: 'checklist 35: PING without CONNECT', connect: null, send: 'PING\r\n', expect: ['PONG'] },
  { name: 'checklist 35: SUB without CONNECT', connect: null, send: 'SUB a 1\r\n', expect: ['+OK'] },
];

testRows(() => pair, rows);
