import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import {
  createLogOutput,
  type LogFormat,
  type LogLevel,
  RepeatLimiter,
  silentLogger,
} from '../../../src/util/logger.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** A logger whose lines are kept. */
async function capture(level: LogLevel = 'trace', format: LogFormat = 'json') {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(...chunk.toString().trimEnd().split('\n'));
      done();
    },
  });
  const { logger, passOn } = await createLogOutput({ level, format, destination });
  return {
    logger,
    passOn,
    lines,
    records: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

test('logger: JSON lines with level as text, ISO time, event and message', async () => {
  const { logger, records } = await capture();
  logger.info({ event: 'client.connected', cid: 7 }, 'a client connected');
  const [record] = records();
  assert.match(String(record?.time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(
    { ...record, time: '' },
    {
      level: 'info',
      time: '',
      event: 'client.connected',
      cid: 7,
      msg: 'a client connected',
    },
  );
});

test('logger: every level writes under its name, those below the configured one nothing', async () => {
  const { logger, records } = await capture('warn');
  for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const)
    logger[level]({ event: 'x' }, 'm');
  assert.deepEqual(
    records().map(({ level }) => level),
    ['warn', 'error', 'fatal'],
  );
  assert.equal(logger.isLevelEnabled('info'), false);
  assert.equal(logger.isLevelEnabled('error'), true);
});

for (const format of ['json', 'pretty'] as const) {
  test(`logger: a client or device cannot forge a line or reach the terminal (${format})`, async () => {
    const { logger, lines } = await capture('info', format);
    const name = 'x\n[00:00:00.000] ERROR: forged\u001b[31m\u009b\u202e';
    logger.info({ event: 'x', name, deep: [name] }, 'm');
    assert.equal(lines.length, 1);
    logger.info({ event: 'x', err: new Error(name) }, 'm');
    assert.doesNotMatch(lines.join('\n'), /^\[00:00:00/m);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is the purpose
    assert.doesNotMatch(lines.join('\n'), /[\u001b\u009b\u202e]/);
    assert.match(lines.join('\n'), /u\{1b\}\[31m/);
  });
}

const SECRETS = [
  'pass',
  'password',
  'auth_token',
  'jwt',
  'sig',
  'nkey',
  'seed',
  'token',
  'Authorization',
  'PASSWORD',
];

for (const name of SECRETS) {
  test(`logger: blanks out ${name} wherever it stands`, async () => {
    const { logger, lines } = await capture();
    const error = Object.assign(new Error('failed', { cause: { [name]: 'hunter2' } }), {
      context: { [name]: 'hunter2' },
    });
    logger.info({ event: 'x', [name]: 'hunter2', deep: { list: [{ [name]: 'hunter2' }] }, err: error }, 'm');
    logger.child({ [name]: 'hunter2', nested: { [name]: 'hunter2' } }).info({ event: 'x' }, 'm');
    assert.equal(lines.length, 2);
    assert.doesNotMatch(lines.join('\n'), /hunter2/);
    assert.match(lines.join('\n'), /redacted/);
  });
}

test('logger: errors keep type, message, stack, code, context and cause', async () => {
  const { logger, records } = await capture();
  const cause = Object.assign(new Error('inner'), { code: 'ECONNRESET' });
  logger.error({ event: 'x', err: new TypeError('outer', { cause }) }, 'm');
  const err = records()[0]?.err as Record<string, unknown>;
  assert.equal(err.type, 'TypeError');
  assert.equal(err.message, 'outer');
  assert.match(String(err.stack), /logger\.test\.ts/);
  assert.equal((err.cause as Record<string, unknown>).code, 'ECONNRESET');
});

test('logger: bytes are counted, not written; cycles and big integers do no harm', async () => {
  const { logger, records } = await capture();
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  logger.info({ event: 'x', payload: Buffer.from('secret'), cycle, id: 2n ** 64n }, 'm');
  assert.equal(records()[0]?.payload, '[6 bytes]');
  assert.equal(records()[0]?.id, '18446744073709551616');
});

test('logger: children carry their bindings, also grandchildren', async () => {
  const { logger, records } = await capture();
  logger.child({ component: 'transport' }).child({ cid: 3 }).info({ event: 'x' }, 'm');
  assert.equal(records()[0]?.component, 'transport');
  assert.equal(records()[0]?.cid, 3);
});

test('logger: pretty lines are for people', async () => {
  const { logger, lines } = await capture('info', 'pretty');
  logger.info({ event: 'process.ready', cid: 5 }, 'ready');
  assert.match(lines.join('\n'), /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: ready \{"cid":5\}$/);
});

test('logger: auto is JSON when the output is no terminal', async () => {
  const { logger, records } = await capture('info', 'auto');
  logger.info({ event: 'x' }, 'm');
  assert.equal(records()[0]?.msg, 'm');
});

test('logger: passes on lines of other processes, pretty where its own are', async () => {
  const other = await capture('info', 'json');
  other.logger.child({ worker: 2 }).info({ event: 'x' }, 'one');
  other.logger.info({ event: 'x' }, 'two');
  const text = `${other.lines.join('\n')}\nno JSON\n`;
  const json = await capture('info', 'json');
  json.passOn(text);
  assert.deepEqual(json.lines, text.trimEnd().split('\n'));
  const pretty = await capture('info', 'pretty');
  pretty.passOn(text);
  const shown = pretty.lines.map((line) => line.replace(/^\[[\d:.]+\] /, ''));
  assert.deepEqual(shown, ['INFO: one {"worker":2}', 'INFO: two', 'no JSON']);
});

test('logger: the silent one takes everything', () => {
  silentLogger.child({}).error({ event: 'x' }, 'm');
  assert.equal(silentLogger.isLevelEnabled('fatal'), false);
});

test('repeat limiter: one line per event and interval, then the number left out', async () => {
  const { logger, records } = await capture();
  const clock = new FakeClock();
  const limiter = new RepeatLimiter(logger, clock, 1000);
  for (let n = 0; n < 5; n++) limiter.log('warn', { event: 'message.dropped', n }, 'dropped');
  limiter.log('warn', { event: 'other' }, 'other');
  clock.advance(999);
  limiter.log('warn', { event: 'message.dropped', n: 5 }, 'dropped');
  clock.advance(1);
  limiter.log('warn', { event: 'message.dropped', n: 6 }, 'dropped');
  clock.advance(1000);
  limiter.log('warn', { event: 'message.dropped', n: 7 }, 'dropped');
  assert.deepEqual(
    records().map(({ event, n, suppressed }) => [event, n, suppressed]),
    [
      ['message.dropped', 0, undefined],
      ['other', undefined, undefined],
      ['message.dropped', 6, 5],
      ['message.dropped', 7, undefined],
    ],
  );
});
