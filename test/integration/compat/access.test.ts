/** Checklist rows 36, 37, 45, 84, 91, 92 and 95: who may connect, and what is denied. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isPooled, testIn } from '../../support/variants.ts';
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

const VIOLATION = ["-ERR 'Authorization Violation'", EOF];
const AUTH_TIMEOUT_MS = 2_000;
const SIGNED_IN = { ...QUIET, user: 'alice', pass: 'secret' };
const VERBOSE = { ...QUIET, verbose: true };

/** Passwords are asked for; the gateway leaves that to the broker. */
let guarded: Pair;
/** Everyone may connect, not everything is allowed. */
let restricted: Pair;

before(async () => {
  [guarded, restricted] = await Promise.all([
    startPair({
      mosquitto: { users: { alice: 'secret' } },
      gateway: { upstream: { auth_required: true } },
      natsServer: { settings: { authorization: { user: 'alice', password: 'secret' } } },
    }),
    startPair({
      mosquitto: { acl: 'topic deny closed\ntopic deny no"q\ntopic readwrite #\n' },
      natsServer: {
        settings: {
          authorization: {
            users: [
              {
                user: 'guest',
                password: 'guest',
                permissions: {
                  publish: { deny: ['closed', 'no"q', '$SYS.>', '$share.>'] },
                  subscribe: { deny: ['$share.>'] },
                },
              },
            ],
          },
          no_auth_user: 'guest',
        },
      },
    }),
  ]);
});

after(() => Promise.all([guarded.stop(), restricted.stop()]));

test('checklist 36: INFO says that credentials are required', async () => {
  await runOnBoth(guarded, async (stage) => (await stage.open(null)).raw.info.auth_required, true);
});

testRows(
  () => guarded,
  [
    {
      name: 'checklist 36: PING before CONNECT where credentials are required',
      connect: null,
      send: 'PING\r\n',
      expect: VIOLATION,
    },
    {
      name: 'checklist 36: SUB before CONNECT where credentials are required',
      connect: null,
      send: 'SUB a 1\r\n',
      expect: VIOLATION,
    },
  ],
);

/** In pooled mode the broker does not get to see what clients say of themselves. */
const credentialRows: readonly Row[] = [
  {
    name: 'checklist 84: the right password',
    connect: SIGNED_IN,
    send: 'SUB a 1\r\nPUB a 0\r\n\r\n',
    expect: ['MSG a 1 0\r\n'],
  },
  {
    name: 'checklist 84: a wrong password',
    connect: { ...SIGNED_IN, pass: 'wrong' },
    send: 'PING\r\n',
    expect: VIOLATION,
  },
  {
    name: 'checklist 84: an unknown user',
    connect: { ...SIGNED_IN, user: 'bob' },
    send: 'PING\r\n',
    expect: VIOLATION,
  },
  { name: 'checklist 84: no credentials', connect: QUIET, send: 'PING\r\n', expect: VIOLATION },
];

testRows(() => guarded, isPooled ? [] : credentialRows);

testIn('per_client', 'checklist 34: a second CONNECT with a wrong password', async () => {
  const script: Script<string[]> = async (stage) => {
    const client = await stage.open(SIGNED_IN);
    await client.sync();
    client.send('CONNECT {"pass":"wrong"}\r\n');
    return stage.target.kind === 'gateway' ? await client.sync() : await client.ended();
  };
  assert.deepEqual(await runOn(guarded.targets[0], script), VIOLATION);
  // Intended difference: the session with the broker stays that of the first CONNECT.
  assert.deepEqual(await runOn(guarded.targets[1], script), []);
});

test('checklist 37: a client that says nothing where credentials are required', async () => {
  await runOnBoth(
    guarded,
    async (stage) => {
      const startedAt = performance.now();
      const client = await stage.open(null);
      const transcript = await client.ended();
      const tookMs = performance.now() - startedAt;
      return { transcript, isOnTime: tookMs > AUTH_TIMEOUT_MS - 100 && tookMs < 2 * AUTH_TIMEOUT_MS };
    },
    { transcript: ["-ERR 'Authentication Timeout'", EOF], isOnTime: true },
  );
});

const DENIED = "-ERR 'Permissions Violation for Publish to";
const DENIED_SUB = "-ERR 'Permissions Violation for Subscription to";

const rows: readonly Row[] = [
  {
    name: 'checklist 45: verbose: a denied PUB gets -ERR and no +OK',
    connect: VERBOSE,
    send: 'PUB closed 0\r\n\r\nPUB a 0\r\n\r\n',
    expect: ['+OK', `${DENIED} "closed"'`, '+OK'],
  },
  {
    name: 'checklist 45: verbose: a PUB to a name that cannot be used gets -ERR and no +OK',
    connect: VERBOSE,
    send: 'PUB $SYS.a 0\r\n\r\nPUB a 0\r\n\r\n',
    expect: ['+OK', `${DENIED} "$SYS.a"'`, '+OK'],
  },
  {
    name: 'checklist 91: a denied request gets -ERR, no 503, and the connection lives',
    connect: REQUESTER,
    send: 'SUB r 1\r\nPUB closed r 0\r\n\r\n',
    expect: [`${DENIED} "closed"'`],
  },
  {
    name: 'checklist 91: a PUB to a name that cannot be used',
    send: 'SUB > 1\r\nPUB $share.a 0\r\n\r\nPUB a 0\r\n\r\n',
    expect: [`${DENIED} "$share.a"'`, 'MSG a 1 0\r\n'],
  },
  {
    name: 'checklist 92: a denied SUB',
    send: 'SUB $share.a 1\r\nSUB a 1\r\nPUB a 0\r\n\r\n',
    expect: [`${DENIED_SUB} "$share.a"'`, 'MSG a 1 0\r\n'],
  },
  {
    name: 'checklist 92: a denied SUB with a queue group',
    send: 'SUB $share.a q 1\r\n',
    expect: [`${DENIED_SUB} "$share.a" using queue "q"'`],
  },
  {
    name: 'checklist 92: verbose: a denied SUB gets -ERR and no +OK',
    connect: VERBOSE,
    send: 'SUB $share.a 1\r\n',
    expect: ['+OK', `${DENIED_SUB} "$share.a"'`],
  },
  {
    name: 'checklist 92: the queue group that the server keeps for itself',
    send: 'SUB a _sys_ 1\r\n',
    expect: [`${DENIED_SUB} "a" using queue "_sys_"'`],
  },
  {
    name: 'checklist 95: quotes in a denied subject',
    connect: VERBOSE,
    send: 'PUB no"q 0\r\n\r\n',
    expect: ['+OK', `${DENIED} "no\\"q"'`],
  },
];

testRows(() => restricted, rows);

test('checklist 91: a PUB without acknowledgement that the broker denies', async () => {
  const script: Script<string[]> = async (stage) => {
    const client = await stage.open(QUIET);
    client.send('SUB closed 1\r\nPUB closed 0\r\n\r\n');
    return await client.sync();
  };
  assert.deepEqual(await runOn(restricted.targets[0], script), [`${DENIED} "closed"'`]);
  // Intended difference: MQTT reports a denial only where it acknowledges.
  assert.deepEqual(await runOn(restricted.targets[1], script), []);
});
