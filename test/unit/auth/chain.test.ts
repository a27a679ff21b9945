import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Authenticator, Credentials, Identity, Verdict } from '../../../src/auth/authenticator.ts';
import { AuthenticationChain, type ChainLink } from '../../../src/auth/chain.ts';
import { AuthCounters } from '../../../src/metrics/auth-counters.ts';
import type { LogFields, Logger } from '../../../src/util/logger.ts';
import { silentLogger } from '../../../src/util/logger.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const CREDENTIALS: Credentials = {
  user: 'ann',
  pass: 'top-secret',
  token: '',
  jwt: '',
  nkey: '',
  sig: '',
  nonce: '',
  clientName: '',
  listener: 'tcp',
  transport: 'tcp',
  isTls: false,
  remoteAddress: '127.0.0.1',
  certificate: null,
};
const ORIGIN = { cid: 7, listener: 'tcp', remote: '127.0.0.1:1' };
const NEVER = new AbortController().signal;

function identity(fields: Partial<Identity> = {}): Identity {
  return {
    name: 'ann',
    method: 'one',
    permissions: null,
    expiresAtMs: null,
    isSuperuser: false,
    clientId: null,
    mountpoint: null,
    maxSubscriptions: null,
    maxPayloadBytes: null,
    attributes: {},
    ...fields,
  };
}

const accept = (fields: Partial<Identity> = {}): Verdict => ({ kind: 'accept', identity: identity(fields) });
const reject: Verdict = { kind: 'reject', detail: 'wrong password' };
const skip: Verdict = { kind: 'skip' };

type Answer = (credentials: Credentials, signal: AbortSignal) => Promise<Verdict>;

/** A method that answers what it is told, and counts. */
class Scripted implements Authenticator {
  readonly method: string;
  readonly needsNonce: boolean;
  asked = 0;
  closed = 0;
  answer: Answer;

  constructor(method: string, answer: Verdict | Answer, needsNonce = false) {
    this.method = method;
    this.needsNonce = needsNonce;
    this.answer = typeof answer === 'function' ? answer : async () => answer;
  }

  authenticate(credentials: Credentials, signal: AbortSignal): Promise<Verdict> {
    this.asked++;
    return this.answer(credentials, signal);
  }

  async close(): Promise<void> {
    this.closed++;
  }
}

interface Setup {
  readonly chain: AuthenticationChain;
  readonly clock: FakeClock;
  readonly counters: AuthCounters;
  readonly lines: LogFields[];
  wallMs: number;
  ask(credentials?: Credentials, signal?: AbortSignal): ReturnType<AuthenticationChain['authenticate']>;
}

function setUp(methods: readonly Scripted[], options: Partial<ChainLink> = {}): Setup {
  const clock = new FakeClock();
  clock.advance(1); // the cache takes 0 for "no time known"
  const counters = new AuthCounters();
  const lines: LogFields[] = [];
  const note = (fields: LogFields): void => void lines.push(fields);
  const logger: Logger = { ...silentLogger, debug: note, info: note, warn: note, error: note };
  const links = methods.map((authenticator) => ({
    authenticator,
    timeoutMs: 100,
    cacheMs: 0,
    maxConcurrent: 2,
    maxWaiting: 1,
    ...options,
  }));
  const setup: Setup = {
    chain: new AuthenticationChain(links, { clock, logger, counters, wallClock: () => setup.wallMs }),
    clock,
    counters,
    lines,
    wallMs: 1_000_000,
    ask: (credentials = CREDENTIALS, signal = NEVER) => setup.chain.authenticate(credentials, ORIGIN, signal),
  };
  return setup;
}

const hang: Answer = () => new Promise(() => {});

const TABLE: { name: string; verdicts: Verdict[]; kind: string; asked: number[] }[] = [
  { name: 'the first acceptance decides', verdicts: [accept(), reject], kind: 'accept', asked: [1, 0] },
  { name: 'a refusal ends the chain', verdicts: [reject, accept()], kind: 'reject', asked: [1, 0] },
  { name: 'who is skipped goes to the next', verdicts: [skip, accept()], kind: 'accept', asked: [1, 1] },
  { name: 'the end denies', verdicts: [skip, skip], kind: 'unknown', asked: [1, 1] },
  { name: 'no method at all denies', verdicts: [], kind: 'unknown', asked: [] },
];
for (const { name, verdicts, kind, asked } of TABLE) {
  test(`chain: ${name}`, async () => {
    const methods = verdicts.map((verdict, i) => new Scripted(`m${i}`, verdict));
    assert.equal((await setUp(methods).ask()).kind, kind);
    assert.deepEqual(
      methods.map((method) => method.asked),
      asked,
    );
  });
}

test('chain: a failing method denies, whatever the next one would say', async () => {
  const next = new Scripted('next', accept());
  for (const failing of [
    new Scripted('one', async () => Promise.reject(new Error('connection refused'))),
    new Scripted('one', () => {
      throw new Error('at once');
    }),
  ]) {
    const { ask, counters, lines } = setUp([failing, next]);
    assert.deepEqual(await ask(), { kind: 'failed' });
    assert.equal(counters.of('one').failed, 1);
    assert.equal(counters.denied, 1);
    assert.deepEqual(
      lines.map(({ event, method, cid }) => [event, method, cid]),
      [['auth.backend_failed', 'one', 7]],
    );
  }
  assert.equal(next.asked, 0);
});

test('chain: no answer in time denies, and the method is told to stop', async () => {
  let seen: AbortSignal | undefined;
  const slow = new Scripted('slow', (_credentials, signal) => {
    seen = signal;
    return new Promise(() => {});
  });
  const { ask, clock, counters } = setUp([slow, new Scripted('next', accept())]);
  const decision = ask();
  await turn();
  clock.advance(99);
  assert.equal(seen?.aborted, false);
  clock.advance(1);
  assert.deepEqual(await decision, { kind: 'failed' });
  assert.equal(seen?.aborted, true);
  assert.equal(counters.of('slow').timedOut, 1);
});

test('chain: a client that leaves is no failure of the method', async () => {
  const slow = new Scripted('slow', hang);
  const { ask, counters, lines } = setUp([slow]);
  const gone = new AbortController();
  const decision = ask(CREDENTIALS, gone.signal);
  gone.abort();
  assert.deepEqual(await decision, { kind: 'failed' });
  assert.equal(counters.of('slow').failed, 0);
  assert.deepEqual(lines, []);
});

test('chain: a method is asked by so many at a time, some wait, the others are denied', async () => {
  const answers: ((verdict: Verdict) => void)[] = [];
  const method = new Scripted('one', () => new Promise((resolve) => answers.push(resolve)));
  const { ask, counters } = setUp([method]);
  const decisions = [ask(), ask(), ask(), ask()];
  assert.deepEqual(await decisions[3], { kind: 'failed' });
  assert.equal(counters.of('one').busy, 1);
  assert.equal(method.asked, 2);
  answers[0]?.(accept());
  assert.equal((await decisions[0])?.kind, 'accept');
  await turn();
  assert.equal(method.asked, 3);
  answers[1]?.(reject);
  answers[2]?.(accept());
  assert.deepEqual(
    (await Promise.all(decisions)).map(({ kind }) => kind),
    ['accept', 'reject', 'accept', 'failed'],
  );
});

test('chain: a method that hangs keeps its place, so that it is never asked by more', async () => {
  const method = new Scripted('one', hang);
  const { ask, clock, counters } = setUp([method]);
  const hanging = [ask(), ask()];
  await turn();
  clock.advance(100);
  await Promise.all(hanging);
  const third = ask();
  await turn();
  clock.advance(100);
  assert.deepEqual(await third, { kind: 'failed' });
  assert.equal(method.asked, 2);
  assert.equal(counters.of('one').timedOut, 3);
});

test('chain: an acceptance is remembered for its time, a refusal for two seconds, a failure never', async () => {
  const method = new Scripted('one', accept());
  const { ask, clock, counters } = setUp([method], { cacheMs: 10_000 });
  await ask();
  clock.advance(9_999);
  assert.equal((await ask()).kind, 'accept');
  assert.deepEqual([method.asked, counters.of('one').cached, counters.of('one').accepted], [1, 1, 2]);
  clock.advance(2);
  method.answer = async () => reject;
  await ask();
  assert.equal((await ask()).kind, 'reject');
  assert.equal(method.asked, 2);
  clock.advance(2_001);
  method.answer = async () => Promise.reject(new Error('down'));
  await ask();
  await ask();
  assert.equal(method.asked, 4);
});

test('chain: remembers per credentials: any difference is asked again', async () => {
  const method = new Scripted('one', accept());
  const { ask } = setUp([method], { cacheMs: 10_000 });
  await ask();
  for (const field of ['user', 'pass', 'token', 'clientName', 'listener', 'remoteAddress'] as const) {
    const before = method.asked;
    await ask({ ...CREDENTIALS, [field]: 'other' });
    assert.equal(method.asked, before + 1, field);
  }
  // The same text spread over the fields in another way.
  const before = method.asked;
  await ask({ ...CREDENTIALS, user: 'annt', pass: 'op-secret' });
  assert.equal(method.asked, before + 1);
});

test('chain: a nonce is only part of what is remembered where the method looks at signatures', async () => {
  const [blind, signed] = [new Scripted('one', skip), new Scripted('two', accept(), true)];
  const { ask } = setUp([blind, signed], { cacheMs: 10_000 });
  blind.answer = async ({ nkey }) => (nkey === '' ? accept() : skip);
  for (const nonce of ['first', 'second']) await ask({ ...CREDENTIALS, nonce });
  assert.deepEqual([blind.asked, signed.asked], [1, 0]);
  for (const nonce of ['first', 'second']) await ask({ ...CREDENTIALS, nkey: 'U', nonce });
  assert.equal(signed.asked, 2);
});

test('chain: an identity that has expired is refused, and not remembered beyond its end', async () => {
  const method = new Scripted('one', accept({ expiresAtMs: 1_000_500 }));
  const setup = setUp([method], { cacheMs: 10_000 });
  assert.equal((await setup.ask()).kind, 'accept');
  setup.wallMs = 1_000_500;
  assert.equal((await setup.ask()).kind, 'reject');
});

test('chain: says in the log who was accepted and who was not, and never with which secret', async () => {
  const { ask, lines } = setUp([
    new Scripted('one', async ({ pass }) => (pass === 'wrong-secret' ? reject : accept())),
  ]);
  await ask();
  await ask({ ...CREDENTIALS, pass: 'wrong-secret' });
  assert.deepEqual(
    lines.map(({ event, method }) => [event, method]),
    [
      ['auth.accepted', 'one'],
      ['auth.rejected', 'one'],
    ],
  );
  assert.doesNotMatch(JSON.stringify(lines), /secret/);
});

test('chain: wants a nonce when one of its methods does', () => {
  assert.equal(setUp([new Scripted('one', skip)]).chain.needsNonce, false);
  assert.equal(setUp([new Scripted('one', skip), new Scripted('two', skip, true)]).chain.needsNonce, true);
});

test('chain: closing closes every method', async () => {
  const methods = [new Scripted('one', skip), new Scripted('two', skip)];
  const { chain } = setUp(methods);
  methods[0]!.close = async () => Promise.reject(new Error('cannot'));
  await assert.rejects(chain.close(), /cannot/);
  assert.equal(methods[1]!.closed, 1);
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
