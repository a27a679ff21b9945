import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type RunnableGateway, serve } from '../../../src/cli/serve.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { ReloadResult } from '../../../src/control/gateway-control.ts';
import { GatewayError } from '../../../src/errors.ts';
import { overviewOf } from '../../../src/metrics/gateway-view.ts';
import { createLogger } from '../../../src/util/logger.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const folder = mkdtempSync(join(tmpdir(), 'serve-'));
after(() => rmSync(folder, { recursive: true }));

const NOTHING_CHANGED = { changed: [], needsRestart: [] };

/** Everything around `serve`, and a gateway that does what the test says. */
async function harness(overrides: Partial<RunnableGateway> = {}, pidFile?: string) {
  const events = new EventEmitter();
  const clock = new FakeClock();
  const seen = new EventEmitter();
  const lines: string[] = [];
  const exits: number[] = [];
  const stops: boolean[] = [];
  const destination = {
    write(line: string) {
      const { event } = JSON.parse(line) as { event: string };
      lines.push(line);
      seen.emit(event);
      return true;
    },
  } as NodeJS.WritableStream;
  const gateway: RunnableGateway = {
    start: async () => {},
    config: loadConfig({ env: {}, flags: {} }),
    reload: async () => NOTHING_CHANGED,
    beginLameDuck: async () => {},
    isLameDuck: false,
    retired: new Promise<void>(() => {}),
    stop: async ({ drain }) => {
      stops.push(drain);
    },
    addresses: () => [
      { name: 'tcp', type: 'tcp', host: '127.0.0.1', port: 4222 },
      { name: 'web', type: 'ws', host: '::1', port: 9222 },
    ],
    overview: async () => overviewOf([]),
  };
  // Not spread: what is asked for each time must be.
  Object.defineProperties(gateway, Object.getOwnPropertyDescriptors(overrides));
  const run = serve({
    config: loadConfig({ env: {}, flags: {} }),
    logger: await createLogger({ level: 'debug', format: 'json', destination }),
    createGateway: () => gateway,
    loadConfig: () => loadConfig({ env: {}, flags: {} }),
    reopenLog: () => {},
    startAdmin: async () => ({ close: async () => {} }),
    pidFile,
    clock,
    events,
    exit: (code) => exits.push(code),
  });
  return { run, events, clock, lines, exits, stops, logged: (event: string) => once(seen, event) };
}

test('serve: says where clients connect, drains on SIGTERM, exit code 0', async () => {
  const { run, events, lines, stops, logged } = await harness();
  await logged('process.ready');
  assert.match(lines.at(-1) ?? '', /NATS clients connect to nats:\/\/127\.0\.0\.1:4222, ws:\/\/\[::1\]:9222/);
  events.emit('SIGTERM');
  assert.equal(await run, 0);
  assert.deepEqual(stops, [true]);
});

test('serve: stops without draining on SIGINT and leaves no handler behind', async () => {
  const { run, events, stops, logged, clock } = await harness();
  await logged('process.ready');
  events.emit('SIGINT');
  assert.equal(await run, 0);
  assert.deepEqual(stops, [false]);
  assert.deepEqual(events.eventNames(), []);
  assert.equal(clock.pendingTimers, 0);
});

test('serve: a signal during the start is obeyed', async () => {
  const { run, events, stops } = await harness({ start: () => new Promise(() => {}) });
  events.emit('SIGINT');
  assert.equal(await run, 0);
  assert.deepEqual(stops, [false]);
});

test('serve: a second signal ends the process at once, the echo of the first does not', async () => {
  let finish = () => {};
  const stop = () => new Promise<void>((resolve) => (finish = resolve));
  const { run, events, exits, logged, clock } = await harness({ stop });
  await logged('process.ready');
  events.emit('SIGINT');
  await logged('process.signal');
  clock.advance(100);
  events.emit('SIGINT');
  assert.deepEqual(exits, []);
  clock.advance(1000);
  events.emit('SIGINT');
  assert.deepEqual(exits, [0]);
  finish();
  await run;
});

test('serve: another kind of signal is never an echo', async () => {
  let finish = () => {};
  const stop = () => new Promise<void>((resolve) => (finish = resolve));
  const { run, events, exits, logged } = await harness({ stop });
  await logged('process.ready');
  events.emit('SIGTERM');
  await logged('process.signal');
  events.emit('SIGINT');
  assert.deepEqual(exits, [0]);
  finish();
  await run;
});

test('serve: a stop that does not end is given up after shutdown_timeout and a margin, exit code 1', async () => {
  const { run, events, logged, clock, lines } = await harness({ stop: () => new Promise(() => {}) });
  await logged('process.ready');
  events.emit('SIGTERM');
  await logged('process.signal');
  clock.advance(25_000 + 5_000);
  assert.equal(await run, 1);
  assert.match(lines.at(-1) ?? '', /process\.stop_timeout/);
});

test('serve: an uncaught error is logged as fatal and ends the process with 1', async () => {
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    const { run, events, exits, logged, lines } = await harness();
    await logged('process.ready');
    events.emit(event, new Error('boom'));
    assert.deepEqual(exits, [1]);
    assert.match(lines.at(-1) ?? '', /"level":"fatal".*"event":"process\.uncaught".*boom/);
    events.emit('SIGINT');
    await run;
  }
});

test('serve: the PID file exists while the gateway runs', async () => {
  const pidFile = join(folder, 'run.pid');
  const { run, events, logged } = await harness({}, pidFile);
  await logged('process.ready');
  assert.equal(readFileSync(pidFile, 'utf8'), `${process.pid}\n`);
  events.emit('SIGTERM');
  await run;
  assert.equal(existsSync(pidFile), false);
});

test('serve: a failed start passes the error on and leaves the PID file of the other instance alone', async () => {
  const pidFile = join(folder, 'other.pid');
  writeFileSync(pidFile, '1\n');
  const start = () => Promise.reject(new GatewayError('GW_LISTEN', 'taken'));
  const { run } = await harness({ start }, pidFile);
  await assert.rejects(run, { code: 'GW_LISTEN' });
  assert.equal(readFileSync(pidFile, 'utf8'), '1\n');
});

test('serve: a PID file that cannot be written stops the gateway again', async () => {
  const pidFile = join(folder, 'missing', 'x.pid');
  const { run, stops } = await harness({}, pidFile);
  await assert.rejects(run, { code: 'GW_CONFIG', message: `cannot write the PID file ${pidFile} (ENOENT)` });
  assert.deepEqual(stops, [false]);
});

test('serve: a gateway that cannot go on ends the run with its error', async () => {
  let fail: (error: GatewayError) => void = () => {};
  const failure = new Promise<GatewayError>((resolve) => {
    fail = resolve;
  });
  const { run, events, stops, logged } = await harness({ failure });
  await logged('process.ready');
  fail(new GatewayError('GW_INTERNAL', 'no more workers'));
  await assert.rejects(run, { message: 'no more workers' });
  assert.deepEqual([stops, events.eventNames()], [[], []]);
});

test('serve: at the end, says at debug what was counted', async () => {
  const counters = { clientMessagesIn: 5, closed: { Kicked: 1 } };
  const { run, events, lines, logged } = await harness({
    overview: async () => ({ ...overviewOf([]), restarts: 2, counters }),
  });
  await logged('process.ready');
  events.emit('SIGTERM');
  assert.equal(await run, 0);
  const { level, event, restarts, clientMessagesIn, closed } = JSON.parse(lines.at(-1) ?? '');
  assert.deepEqual([level, event], ['debug', 'process.totals']);
  assert.deepEqual({ restarts, clientMessagesIn, closed }, { restarts: 2, ...counters });
});

test('serve: SIGHUP takes the configuration over, one reload after the other; a wrong one is only logged', async () => {
  const pending: ((result: ReloadResult) => void)[] = [];
  const asked = new EventEmitter();
  const { run, events, lines, logged } = await harness({
    reload: () =>
      new Promise((resolve) => {
        pending.push(resolve);
        asked.emit('reload');
      }),
  });
  await logged('process.ready');
  const first = once(asked, 'reload');
  events.emit('SIGHUP');
  await first;
  for (let i = 0; i < 2; i++) events.emit('SIGHUP');
  assert.equal(pending.length, 1);
  const second = once(asked, 'reload');
  pending[0]?.(NOTHING_CHANGED);
  await second;
  pending[1]?.({ changed: ['max_payload'], needsRestart: ['workers'] });
  await logged('config.needs_restart');
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(pending.length, 2, 'three signals, of which two came during the first reload');
  events.emit('SIGTERM');
  assert.equal(await run, 0);
  assert.equal(lines.filter((line) => line.includes('config.reload_failed')).length, 0);
  assert.match(lines.join(''), /configuration reloaded: max_payload/);

  const failing = await harness({
    reload: async () => {
      throw new GatewayError('GW_CONFIG', 'users file x: not valid JSON');
    },
  });
  await failing.logged('process.ready');
  const failed = failing.logged('config.reload_failed');
  failing.events.emit('SIGHUP');
  await failed;
  assert.match(failing.lines.at(-1) ?? '', /users file x: not valid JSON/);
  failing.events.emit('SIGTERM');
  assert.equal(await failing.run, 0);
});

test('serve: SIGUSR2 makes a lame duck, which ignores SIGTERM, ends by itself with exit code 0, and at once on SIGINT', async () => {
  for (const end of ['by itself', 'SIGINT'] as const) {
    let retire: () => void = () => {};
    let isLameDuck = false;
    const { run, events, lines, stops, exits, logged } = await harness({
      get isLameDuck() {
        return isLameDuck;
      },
      beginLameDuck: async () => {
        isLameDuck = true;
      },
      retired: new Promise<void>((resolve) => {
        retire = resolve;
      }),
    });
    await logged('process.ready');
    events.emit('SIGUSR2');
    events.emit('SIGTERM');
    events.emit('SIGTERM');
    assert.deepEqual(stops, [], end);
    assert.match(lines.at(-1) ?? '', /SIGTERM: ignored/);
    if (end === 'SIGINT') events.emit('SIGINT');
    else retire();
    assert.equal(await run, 0);
    assert.deepEqual([stops, exits, events.eventNames()], [[end === 'by itself'], [], []], end);
  }
});
