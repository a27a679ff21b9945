/** Checklist rows 41 to 75 and 113 to 116: what is delivered to whom, in which order, and what is answered. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type Pair,
  QUIET,
  REQUESTER,
  type Row,
  runOn,
  runOnBoth,
  type Script,
  startPair,
  testRows,
} from './compat.ts';
import { EOF } from './transcript.ts';

const INVALID_SUBJECT = "-ERR 'Invalid Subject'";
const NO_ECHO = { ...QUIET, echo: false };

let pair: Pair;

before(async () => {
  pair = await startPair();
});

after(() => pair.stop());

/** `PUB` without payload. */
const pub = (subject: string, reply = ''): string => `PUB ${subject}${reply && ` ${reply}`} 0\r\n\r\n`;

const rows: readonly Row[] = [
  {
    name: 'checklist 41: one PONG per PING, in order',
    send: 'PING\r\nPING\r\nPING\r\n',
    expect: ['PONG', 'PONG', 'PONG'],
  },
  {
    name: 'checklist 42: PONG after the effects of what was sent before it',
    send: `SUB a 1\r\n${pub('a')}PING\r\nUNSUB 1\r\n${pub('a')}PING\r\n`,
    expect: ['MSG a 1 0\r\n', 'PONG', 'PONG'],
  },
  {
    name: 'checklist 43: verbose: +OK to CONNECT, SUB, PUB, HPUB and UNSUB, none to PING',
    connect: { ...REQUESTER, verbose: true },
    send: `SUB a 1\r\n${pub('b')}HPUB b 12 12\r\nNATS/1.0\r\n\r\n\r\nPING\r\nUNSUB 1\r\n`,
    expect: ['+OK', '+OK', '+OK', '+OK', 'PONG', '+OK'],
  },
  {
    name: 'checklist 43: verbose: +OK to a used sid and to UNSUB of an unknown one, only -ERR to a wrong SUB',
    connect: { ...QUIET, verbose: true },
    send: 'SUB a 1\r\nSUB b 1\r\nUNSUB 9\r\nSUB a..b 2\r\n',
    expect: ['+OK', '+OK', '+OK', '+OK', INVALID_SUBJECT],
  },
  {
    name: 'checklist 46: pedantic: a wildcard in a publish subject is an error, and the message is delivered',
    connect: { ...QUIET, pedantic: true },
    send: `SUB a.> 1\r\n${pub('a.*')}`,
    expect: ["-ERR 'Invalid Publish Subject'", 'MSG a.* 1 0\r\n'],
  },
  {
    name: 'checklist 47: subscriptions with empty tokens or a token after >',
    send: 'SUB a..b 1\r\nSUB .a 2\r\nSUB a. 3\r\nSUB >.a 4\r\n',
    expect: [INVALID_SUBJECT, INVALID_SUBJECT, INVALID_SUBJECT, INVALID_SUBJECT],
  },
  {
    name: 'checklist 48: foo* is a literal',
    send: `SUB foo* 1\r\n${pub('foo*')}${pub('foobar')}`,
    expect: ['MSG foo* 1 0\r\n'],
  },
  { name: 'checklist 49: foo.> does not match foo', send: `SUB foo.> 1\r\n${pub('foo')}`, expect: [] },
  {
    name: 'checklist 50: a wildcard in a publish subject is an ordinary token',
    send: `SUB foo.* 1\r\nSUB foo.> 2\r\nSUB > 3\r\nSUB foo.bar 4\r\n${pub('foo.*')}`,
    expect: ['MSG foo.* 1 0\r\n', 'MSG foo.* 2 0\r\n', 'MSG foo.* 3 0\r\n'],
    isUnordered: true,
  },
  {
    name: 'checklist 50: > in a publish subject is an ordinary token',
    send: `SUB foo.* 1\r\nSUB foo.> 2\r\nSUB > 3\r\nSUB foo.bar 4\r\n${pub('foo.>')}`,
    expect: ['MSG foo.> 1 0\r\n', 'MSG foo.> 2 0\r\n', 'MSG foo.> 3 0\r\n'],
    isUnordered: true,
  },
  {
    name: 'checklist 51: a publish subject with an empty token reaches nobody',
    send: `SUB > 1\r\n${pub('a..b')}${pub('.a')}${pub('a.')}`,
    expect: [],
  },
  {
    name: 'checklist 52: UTF-8 in subject and sid',
    send: `SUB füö.日本 sid-ü\r\n${pub('füö.日本')}`,
    expect: [Buffer.from('MSG füö.日本 sid-ü 0\r\n').toString('latin1')],
  },
  {
    name: 'checklist 53: a second SUB with a used sid is ignored',
    send: `SUB a 1\r\nSUB b 1\r\n${pub('b')}${pub('a')}`,
    expect: ['MSG a 1 0\r\n'],
  },
  {
    name: 'checklist 54: a sid can be used again after UNSUB with a limit took effect',
    send: `SUB a 1\r\nUNSUB 1 1\r\n${pub('a')}SUB b 1\r\n${pub('b')}`,
    expect: ['MSG a 1 0\r\n', 'MSG b 1 0\r\n'],
  },
  {
    name: 'checklist 54: a sid can be used again after UNSUB',
    send: `SUB a 1\r\n${pub('a')}UNSUB 1\r\nSUB b 1\r\n${pub('a')}${pub('b')}`,
    expect: ['MSG a 1 0\r\n', 'MSG b 1 0\r\n'],
  },
  {
    name: 'checklist 55: overlapping subscriptions get one message each',
    send: `SUB a.b 1\r\nSUB a.* 2\r\nSUB a.> 3\r\nSUB a.b 4\r\n${pub('a.b')}`,
    expect: ['MSG a.b 1 0\r\n', 'MSG a.b 2 0\r\n', 'MSG a.b 3 0\r\n', 'MSG a.b 4 0\r\n'],
    isUnordered: true,
  },
  {
    name: 'checklist 56: UNSUB with a limit counts what was delivered before',
    send: `SUB a 1\r\n${pub('a')}${pub('a')}UNSUB 1 3\r\n${pub('a')}${pub('a')}`,
    expect: ['MSG a 1 0\r\n', 'MSG a 1 0\r\n', 'MSG a 1 0\r\n'],
  },
  ...['UNSUB 1 1', 'UNSUB 1 2', 'UNSUB 1 0', 'UNSUB 1 abc', 'UNSUB 1 0000000009', 'UNSUB 1'].map((line) => ({
    name: `checklist 57: ${line} after two deliveries ends at once`,
    send: `SUB a 1\r\n${pub('a')}${pub('a')}${line}\r\n${pub('a')}`,
    expect: ['MSG a 1 0\r\n', 'MSG a 1 0\r\n'],
  })),
  {
    name: 'checklist 58: a lower limit replaces a higher one',
    send: `SUB a 1\r\nUNSUB 1 5\r\nUNSUB 1 2\r\n${pub('a').repeat(3)}`,
    expect: ['MSG a 1 0\r\n', 'MSG a 1 0\r\n'],
  },
  { name: 'checklist 59: UNSUB of an unknown sid', send: 'UNSUB 7\r\nUNSUB 8 3\r\n', expect: [] },
  {
    name: 'checklist 63: echo off: own messages reach neither plain nor queue subscriptions',
    connect: NO_ECHO,
    send: `SUB a 1\r\nSUB a q 2\r\n${pub('a')}`,
    expect: [],
  },
  {
    name: 'checklist 66: a message with headers',
    connect: REQUESTER,
    send: 'SUB a 1\r\nHPUB a r.1 12 14\r\nNATS/1.0\r\n\r\nhi\r\nHPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n',
    expect: ['HMSG a 1 r.1 12 14\r\nNATS/1.0\r\n\r\nhi', 'HMSG a 1 12 14\r\nNATS/1.0\r\n\r\nhi'],
  },
  {
    name: 'checklist 66: several headers, repeated, in order and case',
    connect: REQUESTER,
    send: 'SUB a 1\r\nHPUB a 40 41\r\nNATS/1.0\r\nB: 1\r\na: 2\r\nB: 3:4\r\nEmpty:\r\n\r\nx\r\n',
    expect: ['HMSG a 1 40 41\r\nNATS/1.0\r\nB: 1\r\na: 2\r\nB: 3:4\r\nEmpty:\r\n\r\nx'],
  },
  {
    name: 'checklist 67: HPUB with no header bytes is a plain message',
    connect: REQUESTER,
    send: 'SUB a 1\r\nHPUB a 0 2\r\nhi\r\n',
    expect: ['MSG a 1 2\r\nhi'],
  },
  ...[
    'abcde',
    'NATS/1.0 200 OK\r\nX: 1\r\n\r\n',
    'NATS/1.0\r\nno colon\r\n\r\n',
    'NATS/1.0\r\nTab: a\tb\r\n\r\n',
    'NATS/1.0\r\nNul: a\0b\r\n\r\n',
    'NATS/1.0\nA: b\n\n',
    '\r\n\r\n',
    'NATS/1.0\r\nnmg-origin: x\r\n\r\n',
  ].map((block) => ({
    name: `checklist 68: header bytes ${JSON.stringify(block)} pass unchanged`,
    connect: REQUESTER,
    send: `SUB a 1\r\nHPUB a ${block.length} ${block.length + 2}\r\n${block}hi\r\n`,
    expect: [`HMSG a 1 ${block.length} ${block.length + 2}\r\n${block}hi`],
  })),
  {
    name: 'checklist 69: more header bytes than bytes',
    connect: REQUESTER,
    send: 'HPUB a 5 4\r\n',
    expect: [EOF],
  },
  { name: 'checklist 69: HPUB of a client without headers', send: 'HPUB a 0 2\r\nhi\r\n', expect: [EOF] },
  {
    name: 'checklist 71: nobody listens: 503 before PONG',
    connect: REQUESTER,
    send: `SUB r 1\r\n${pub('nobody', 'r')}PING\r\n`,
    expect: ['503 r 1', 'PONG'],
  },
  {
    name: 'checklist 71: verbose: 503 after +OK',
    connect: { ...REQUESTER, verbose: true },
    send: `SUB r 1\r\n${pub('nobody', 'r')}`,
    expect: ['+OK', '+OK', '+OK', '503 r 1'],
  },
  {
    name: 'checklist 71: a publish subject with an empty token and a reply: 503',
    connect: REQUESTER,
    send: `SUB r 1\r\n${pub('a..b', 'r')}`,
    expect: ['503 r 1'],
  },
  {
    name: 'checklist 71: 503 to a subscription whose UNSUB follows the request',
    connect: REQUESTER,
    send: `SUB r 1\r\n${pub('a')}${pub('nobody', 'r')}UNSUB 1\r\n`,
    expect: ['503 r 1'],
  },
  {
    name: 'checklist 71: verbose: 503 to a subscription whose UNSUB follows the request',
    connect: { ...REQUESTER, verbose: true },
    send: `SUB r 1\r\n${pub('a')}${pub('nobody', 'r')}UNSUB 1\r\n`,
    expect: ['+OK', '+OK', '+OK', '+OK', '503 r 1', '+OK'],
  },
  {
    name: 'checklist 72: no 503 to a subscription whose UNSUB came before',
    connect: REQUESTER,
    send: `SUB r 1\r\nSUB r q 2\r\nPING\r\nUNSUB 1\r\n${pub('nobody', 'r')}`,
    expect: ['PONG'],
  },
  {
    name: 'checklist 72: no 503 without a subscription of its own for the reply',
    connect: REQUESTER,
    send: pub('nobody', 'r'),
    expect: [],
  },
  {
    name: 'checklist 72: no 503 to a queue subscription',
    connect: REQUESTER,
    send: `SUB in.* q 1\r\n${pub('nobody', 'in.1')}`,
    expect: [],
  },
  {
    name: 'checklist 72: no 503 to a client that has not asked for it',
    connect: { ...QUIET, headers: true },
    send: `SUB r 1\r\n${pub('nobody', 'r')}`,
    expect: [],
  },
  {
    name: 'checklist 73: a request that only its sender hears is delivered',
    connect: REQUESTER,
    send: `SUB r 1\r\nSUB a 2\r\n${pub('a', 'r')}`,
    expect: ['MSG a 2 r 0\r\n'],
  },
  {
    name: 'checklist 74: a 503 does not use up the limit of UNSUB',
    connect: REQUESTER,
    send: `SUB r 1\r\nUNSUB 1 1\r\n${pub('nobody', 'r').repeat(3)}`,
    expect: ['503 r 1', '503 r 1', '503 r 1'],
  },
  {
    name: 'checklist 75: the subject of a 503 is the reply subject, found through a wildcard',
    connect: REQUESTER,
    send: `SUB _INBOX.x.* 7\r\n${pub('nobody', '_INBOX.x.1')}`,
    expect: ['503 _INBOX.x.1 7'],
  },
  {
    name: 'checklist 114: a blank in the subject of SUB makes a queue group',
    send: `SUB foo bar 1\r\nSUB foo bar 1\r\n${pub('foo')}`,
    expect: ['MSG foo 1 0\r\n'],
  },
  {
    name: 'checklist 116: a JetStream request: 503',
    connect: REQUESTER,
    send: `SUB r 1\r\n${pub('$JS.API.INFO', 'r')}`,
    expect: ['503 r 1'],
  },
];

testRows(() => pair, rows);

test('checklist 44: verbose: +OK before the message that a client sends to itself', async () => {
  const script: Script<string[]> = async (stage) => {
    const client = await stage.open({ ...QUIET, verbose: true });
    client.send(`SUB a 1\r\n${pub('a')}`);
    return await client.sync();
  };
  assert.deepEqual(await runOn(pair.targets[0], script), ['+OK', '+OK', '+OK', 'MSG a 1 0\r\n']);
  // Intended difference: +OK says that the broker has taken the message, whose copy may come sooner.
  const answer = await runOn(pair.targets[1], script);
  assert.deepEqual(answer.toSorted(), ['+OK', '+OK', '+OK', 'MSG a 1 0\r\n']);
  assert.deepEqual(answer.slice(0, 2), ['+OK', '+OK']);
});

test('checklist 60: each of 300 messages goes to one of three queue members of a connection', async () => {
  await runOnBoth(
    pair,
    async (stage) => {
      const client = await stage.open();
      client.send(`SUB a q 1\r\nSUB a q 2\r\nSUB a q 3\r\n${pub('a').repeat(300)}`);
      return fairness(await client.sync(), ['1', '2', '3']);
    },
    { total: 300, isFair: true },
  );
});

test('checklist 60: each of 300 messages goes to one of three queue members on connections of their own', async () => {
  await runOnBoth(
    pair,
    async (stage) => {
      const members = await Promise.all([1, 2, 3].map(() => stage.open()));
      for (const [index, member] of members.entries()) {
        member.send(`SUB a q ${index + 1}\r\n`);
        await member.sync();
      }
      const publisher = await stage.open();
      publisher.send(pub('a').repeat(300));
      await publisher.sync();
      const received: string[] = [];
      for (const member of members) received.push(...(await member.sync()));
      return fairness(received, ['1', '2', '3']);
    },
    { total: 300, isFair: true },
  );
});

function fairness(messages: readonly string[], sids: readonly string[]): { total: number; isFair: boolean } {
  const counts = sids.map((sid) => messages.filter((message) => message === `MSG a ${sid} 0\r\n`).length);
  return { total: messages.length, isFair: counts.every((count) => count >= 60 && count <= 140) };
}

test('checklist 61: a queue group goes by its name, whatever the patterns of its members', async () => {
  await runOnBoth(
    pair,
    async (stage) => {
      const client = await stage.open();
      client.send(`SUB a.b q 1\r\nSUB a.* q 2\r\n${pub('a.b').repeat(20)}`);
      const received = await client.sync();
      return received.every((message) => /^MSG a\.b [12] 0\r\n$/.test(message)) ? received.length : received;
    },
    20,
  );
});

test('checklist 62: plain subscriptions and each queue group get one copy', async () => {
  await runOnBoth(
    pair,
    async (stage) => {
      const client = await stage.open();
      const other = await stage.open();
      other.send('SUB a 1\r\nSUB a q1 2\r\nSUB a q2 3\r\n');
      await other.sync();
      client.send(`SUB a 4\r\nSUB a q1 5\r\nSUB a q2 6\r\n${pub('a')}`);
      const received = [...(await client.sync()), ...(await other.sync())];
      const of = (...sids: number[]): number =>
        received.filter((message) => sids.some((sid) => message === `MSG a ${sid} 0\r\n`)).length;
      return { all: received.length, plain: [of(1), of(4)], q1: of(2, 5), q2: of(3, 6) };
    },
    { all: 4, plain: [1, 1], q1: 1, q2: 1 },
  );
});

test('checklist 64: echo off: own messages to a group go to its other member', async () => {
  await runOnBoth(
    pair,
    async (stage) => {
      const [own, other] = [await stage.open(NO_ECHO), await stage.open()];
      other.send('SUB a q 2\r\n');
      await other.sync();
      own.send(`SUB a q 1\r\n${pub('a').repeat(30)}`);
      return { own: await own.sync(), other: (await other.sync()).length };
    },
    { own: [], other: 30 },
  );
});

test('checklist 65: 500 messages stay in order', async () => {
  const numbers = Array.from({ length: 500 }, (_, index) => String(index).padStart(3, '0'));
  await runOnBoth(
    pair,
    async (stage) => {
      const [subscriber, publisher] = [await stage.open(), await stage.open()];
      subscriber.send('SUB a 1\r\n');
      await subscriber.sync();
      publisher.send(numbers.map((number) => `PUB a 3\r\n${number}\r\n`).join(''));
      await publisher.sync();
      return await subscriber.sync();
    },
    numbers.map((number) => `MSG a 1 3\r\n${number}`),
  );
});

test('checklist 70: a receiver without headers gets the payload alone', async () => {
  await runOnBoth(
    pair,
    async (stage) => {
      const [plain, publisher] = [await stage.open(), await stage.open(REQUESTER)];
      plain.send('SUB a 1\r\n');
      await plain.sync();
      publisher.send('HPUB a r 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\nHPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n');
      await publisher.sync();
      return await plain.sync();
    },
    ['MSG a 1 r 2\r\nhi', 'MSG a 1 0\r\n'],
  );
});

test('checklist 71: the exact bytes of a 503', async () => {
  const script: Script<string> = async (stage) => {
    const client = await stage.open(REQUESTER);
    client.send(`SUB r 1\r\n${pub('nobody', 'r')}PING\r\n`);
    return (await client.raw.readUntil('PONG\r\n')).toString();
  };
  assert.equal(await runOn(pair.targets[0], script), 'HMSG r 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\nPONG\r\n');
  // As since 2.12.
  assert.equal(
    await runOn(pair.targets[1], script),
    'HMSG r 1 38 38\r\nNATS/1.0 503\r\nNats-Subject: nobody\r\n\r\n\r\nPONG\r\n',
  );
});

test('checklist 73: a request that only its sender hears, echo off', async () => {
  const script: Script<string[]> = async (stage) => {
    const client = await stage.open({ ...REQUESTER, echo: false });
    client.send(`SUB r 1\r\nSUB a 2\r\n${pub('a', 'r')}`);
    return await client.sync();
  };
  assert.deepEqual(await runOn(pair.targets[0], script), ['503 r 1']);
  // Intended difference: the broker counts the sender's own subscription.
  assert.deepEqual(await runOn(pair.targets[1], script), []);
});

test('checklist 113: a client that has ended its side still gets its answers', async () => {
  await runOnBoth(
    pair,
    async (stage) => {
      const client = await stage.open();
      client.send('SUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n');
      client.raw.halfClose();
      return await client.ended();
    },
    ['MSG a 1 2\r\nhi', 'PONG', EOF],
  );
});

test('checklist 113: a client that has ended its side after UNSUB still gets its own messages', async () => {
  await runOnBoth(
    pair,
    async (stage) => {
      const client = await stage.open();
      client.send(`SUB a 1\r\n${pub('a').repeat(3)}UNSUB 1\r\n${pub('a')}SUB b 1\r\n${pub('b')}PING\r\n`);
      client.raw.halfClose();
      return await client.ended();
    },
    ['MSG a 1 0\r\n', 'MSG a 1 0\r\n', 'MSG a 1 0\r\n', 'MSG b 1 0\r\n', 'PONG', EOF],
  );
});

test('checklist 115: a subject that is not UTF-8', async () => {
  const subject = Buffer.of(0x61, 0xff, 0xfe).toString('latin1');
  const script: Script<string[]> = async (stage) => {
    const client = await stage.open();
    client.send(Buffer.from(`SUB ${subject} 1\r\nPUB ${subject} 2\r\nhi\r\n`, 'latin1'));
    return await client.sync();
  };
  assert.deepEqual(await runOn(pair.targets[0], script), [`MSG ${subject} 1 2\r\nhi`]);
  // Intended difference: an MQTT topic is UTF-8.
  assert.deepEqual(await runOn(pair.targets[1], script), [
    '-ERR \'Permissions Violation for Subscription to "a\\xff\\xfe"\'',
    '-ERR \'Permissions Violation for Publish to "a\\xff\\xfe"\'',
  ]);
});
