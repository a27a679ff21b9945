/** The primary's decisions, on processes that do what the test says and a clock that it moves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PrimaryMessage, StartMessage } from '../../../src/cluster/messages.ts';
import { ClusterGateway } from '../../../src/cluster/primary.ts';
import type { WorkerEvents } from '../../../src/cluster/spawn.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { IDLE_STATUS } from '../../../src/metrics/gateway-view.ts';
import { NO_USAGE } from '../../../src/metrics/upstream-usage.ts';
import { type LogFields, type Logger, silentLogger } from '../../../src/util/logger.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const PORT = 4222;
const address = (port = PORT) => ({ name: 'tcp', type: 'tcp', host: '127.0.0.1', port });
const status = (count: number) => ({
  ...IDLE_STATUS,
  connections: count,
  upstream: { ...NO_USAGE, clients: count },
  counters: { in: count },
});

/** A process that only the test moves. */
class FakeProcess {
  readonly pid: number;
  readonly received: PrimaryMessage[] = [];
  isKilled = false;
  readonly #events: WorkerEvents;

  constructor(pid: number, events: WorkerEvents) {
    this.pid = pid;
    this.#events = events;
  }

  send(message: PrimaryMessage): void {
    this.received.push(message);
  }

  kill(): void {
    this.isKilled = true;
    this.end(null, 'SIGKILL');
  }

  say(message: unknown): void {
    this.#events.onMessage(message);
  }

  end(code: number | null, signal: string | null = null): void {
    this.#events.onEnd(code, signal);
  }

  /** Loads, and listens once it is told to. */
  becomeReady(port?: number): void {
    this.say({ type: 'loaded' });
    this.say({ type: 'ready', addresses: [address(port)] });
  }

  get start(): StartMessage | undefined {
    return this.received.find((message) => message.type === 'start');
  }

  get reloads(): Extract<PrimaryMessage, { type: 'reload' }>[] {
    return this.received.filter((message) => message.type === 'reload');
  }

  /** Answers the last question to take a configuration over. */
  answerReload(reason: string | null): void {
    const id = this.reloads.at(-1)?.id;
    this.say({
      type: 'reloaded',
      id,
      isTaken: reason === null,
      reason: reason ?? '',
      addresses: [address()],
    });
  }

  get stop(): PrimaryMessage | undefined {
    return this.received.find((message) => message.type === 'stop');
  }
}

function cluster(flags: Readonly<Record<string, unknown>> = {}) {
  const processes: FakeProcess[] = [];
  const logged: LogFields[] = [];
  const clock = new FakeClock();
  const record = (fields: LogFields): void => {
    logged.push(fields);
  };
  const logger: Logger = { ...silentLogger, info: record, warn: record, error: record };
  const spawnFailures: Error[] = [];
  const gateway = new ClusterGateway({
    config: loadConfig({ env: {}, flags: { workers: 2, 'upstream.url': 'mqtt://b', ...flags } }),
    logger,
    clock,
    spawn: (events) => {
      const failure = spawnFailures.pop();
      if (failure !== undefined) throw failure;
      const process = new FakeProcess(100 + processes.length, events);
      processes.push(process);
      return process;
    },
  });
  return { gateway, processes, clock, logged, spawnFailures, events: () => logged.map(({ event }) => event) };
}

/** Started, with both workers ready. */
async function started(flags: Readonly<Record<string, unknown>> = {}) {
  const all = cluster(flags);
  const starting = all.gateway.start();
  await turn();
  for (const process of all.processes) process.becomeReady();
  await starting;
  return { ...all, first: all.processes[0]!, second: all.processes[1]! };
}

/** Lets promises settle. */
const turn = () => new Promise((done) => setImmediate(done));

test('primary: workers listen one after the other, and it is started when all do', async () => {
  const { gateway, processes } = cluster();
  let isStarted = false;
  const starting = gateway.start().then(() => {
    isStarted = true;
  });
  await turn();
  const [first, second] = processes;
  assert.ok(first && second && processes.length === 2);
  second.say({ type: 'loaded' });
  first.say({ type: 'loaded' });
  assert.equal(second.start?.worker, 2);
  assert.equal(first.received.length, 0, 'the second has loaded first and has not listened yet');
  second.say({ type: 'ready', addresses: [address()] });
  assert.equal(first.start?.worker, 1);
  await turn();
  assert.equal(isStarted, false);
  first.say({ type: 'ready', addresses: [address()] });
  await starting;
  assert.deepEqual(gateway.addresses(), [address()]);
  assert.equal(first.start?.serverId, second.start?.serverId);
  assert.deepEqual([first.start?.cidBase, second.start?.cidBase], [2 ** 32, 2 * 2 ** 32]);
  await assert.rejects(gateway.start(), /starts once/);
});

test('primary: what a worker says about its failed start is what start() throws, and all are stopped', async () => {
  const { gateway, processes } = cluster();
  const starting = gateway.start();
  await turn();
  const [first, second] = processes;
  first?.say({ type: 'loaded' });
  second?.say({ type: 'loaded' });
  first?.say({
    type: 'failed',
    code: 'GW_LISTEN',
    message: 'taken',
    context: { code: 'EADDRINUSE', key: 'k' },
  });
  first?.end(1);
  await turn();
  assert.deepEqual(second?.stop, { type: 'stop', isDrain: false });
  second?.end(0);
  await assert.rejects(starting, {
    code: 'GW_LISTEN',
    message: 'taken',
    context: { code: 'EADDRINUSE', key: 'k' },
  });
  assert.equal(processes.length, 2);
});

test('primary: a worker that ends is replaced, with ids of its own and the other left alone', async () => {
  const { gateway, first, second, processes, clock, events } = await started({ max_connections: 3 });
  for (let cid = 1; cid <= 3; cid++) first.say({ type: 'ask', cid: 2 ** 32 + cid, listener: 'tcp' });
  second.say({ type: 'ask', cid: 2 * 2 ** 32 + 1, listener: 'tcp' });
  assert.deepEqual(second.received.at(-1), { type: 'decision', cid: 2 * 2 ** 32 + 1, isAdmitted: false });
  first.end(null, 'SIGSEGV');
  assert.equal(processes.length, 2);
  clock.advance(100);
  const third = processes[2];
  third?.becomeReady();
  assert.deepEqual([third?.start?.worker, third?.start?.cidBase], [1, 2 ** 32 + 3 + 2 ** 16]);
  // The dead one's clients make room.
  second.say({ type: 'ask', cid: 2 * 2 ** 32 + 2, listener: 'tcp' });
  assert.deepEqual(second.received.at(-1), { type: 'decision', cid: 2 * 2 ** 32 + 2, isAdmitted: true });
  assert.deepEqual(events(), ['worker.started', 'worker.started', 'worker.exited', 'worker.started']);
  assert.equal((await overview(gateway, [third, second])).restarts, 1);
  assert.equal(second.received.filter(({ type }) => type === 'start').length, 1);
});

/** The overview, to which each of these answers with its position. */
async function overview(gateway: ClusterGateway, answering: readonly (FakeProcess | undefined)[]) {
  const result = gateway.overview();
  for (const [index, process] of answering.entries()) {
    process?.say({ type: 'status', status: status(index + 1) });
  }
  return await result;
}

test('primary: the overview has sums and every worker', async () => {
  const { gateway, first, second, clock } = await started();
  clock.advance(5_000);
  const { workers, ...sums } = await overview(gateway, [first, second]);
  assert.deepEqual(sums, { ...status(3), restarts: 0 });
  const common = { uptimeMs: 5_000, restarts: 0, isCurrent: true };
  assert.deepEqual(workers, [
    { ...status(1), worker: 1, pid: 100, ...common },
    { ...status(2), worker: 2, pid: 101, ...common },
  ]);
});

test('primary: a worker that hangs or is away is shown with what was known, and counters never go back', async () => {
  const { gateway, first, second, processes, clock } = await started();
  await overview(gateway, [first, second]);
  second.end(1);
  const hanging = gateway.overview();
  clock.advance(1_000);
  const later = await hanging;
  assert.deepEqual(
    later.workers.map(({ isCurrent, pid, connections, uptimeMs }) => [isCurrent, pid, connections, uptimeMs]),
    [
      [false, 100, 1, 1_000],
      [false, null, 0, 0],
    ],
  );
  assert.equal(processes.length, 3);
  assert.deepEqual(later.counters, { in: 3 });
  processes[2]?.becomeReady();
  const next = await overview(gateway, [first, processes[2]]);
  assert.deepEqual([next.restarts, next.counters], [1, { in: 1 + 2 + 2 }]);
});

test('primary: a port of any kind is asked for again as long as somebody holds it, then by its number', async () => {
  const { first, second, processes, clock } = await started({ 'listeners[0].bind': '127.0.0.1:0' });
  const portOf = (process?: FakeProcess) => process?.start?.config.listeners[0]?.port;
  assert.deepEqual([portOf(first), portOf(second)], [0, 0]);
  first.end(1);
  clock.advance(100);
  processes[2]?.becomeReady();
  assert.equal(portOf(processes[2]), 0);
  second.end(1);
  processes[2]?.end(1);
  clock.advance(200);
  for (const process of processes.slice(3)) process.becomeReady();
  assert.deepEqual(processes.slice(3).map(portOf), [PORT, PORT]);
});

test('primary: a worker that listens elsewhere, or talks nonsense, is replaced', async () => {
  const { second, first, processes, clock, events } = await started();
  first.say({ type: 'nonsense' });
  assert.equal(first.isKilled, true);
  clock.advance(100);
  processes[2]?.becomeReady(PORT + 1);
  assert.equal(processes[2]?.isKilled, true);
  assert.equal(second.isKilled, false);
  assert.equal(events().filter((event) => event === 'worker.misbehaves').length, 2);
  clock.advance(200);
  processes[3]?.becomeReady();
  assert.equal(processes[3]?.isKilled, false);
});

test('primary: a start that takes too long is ended and tried again', async () => {
  const { gateway, processes, clock, events } = cluster();
  const starting = gateway.start();
  await turn();
  processes[1]?.say({ type: 'loaded' });
  clock.advance(30_000);
  assert.deepEqual([processes[0]?.isKilled, processes[1]?.isKilled], [true, true]);
  assert.ok(events().includes('worker.start_timeout'));
  clock.advance(100);
  processes[2]?.becomeReady();
  processes[3]?.becomeReady();
  await starting;
});

test('primary: five failed starts in a row end it, also when there is not even a process', async () => {
  const { gateway, first, second, processes, clock, spawnFailures } = await started();
  spawnFailures.push(...Array.from({ length: 4 }, () => new Error('EAGAIN')));
  let failure: unknown = null;
  void gateway.failure.then((error) => {
    failure = error;
  });
  first.end(1);
  clock.advance(100 + 200 + 400 + 800 + 1_600);
  const last = processes[2];
  last?.end(3);
  await turn();
  assert.deepEqual(second.stop, { type: 'stop', isDrain: false });
  assert.equal(failure, null, 'it has not stopped yet');
  second.end(0);
  await turn();
  assert.match(
    String(failure),
    /worker 1 ended 5 times in a row before it could serve clients \(exit code 3\)/,
  );
  assert.equal(processes.length, 3);
  assert.equal(clock.pendingTimers, 0);
});

test('primary: stops all, waits for all, once', async () => {
  const { gateway, first, second, processes, clock } = await started();
  let stopped = 0;
  for (let i = 0; i < 2; i++) void gateway.stop({ drain: true }).then(() => stopped++);
  await turn();
  assert.deepEqual([first.stop, second.stop], Array(2).fill({ type: 'stop', isDrain: true }));
  first.say({ type: 'stopped', status: status(7) });
  first.end(0);
  await turn();
  assert.equal(stopped, 0);
  second.say({ type: 'stopped', status: status(1) });
  second.end(0);
  await turn();
  assert.equal(stopped, 2);
  assert.deepEqual((await gateway.overview()).counters, { in: 8 });
  clock.advance(60_000);
  assert.equal(processes.length, 2, 'nobody is replaced');
});

test('primary: who does not stop in time is killed, and stop() says so', async () => {
  const { gateway, first, second, clock } = await started({ shutdown_timeout: '2s' });
  const stopping = assert.rejects(gateway.stop({ drain: true }), /before it could stop in order/);
  await turn();
  first.end(0);
  clock.advance(4_499);
  assert.equal(second.isKilled, false);
  clock.advance(1);
  assert.equal(second.isKilled, true);
  await stopping;
  assert.equal(clock.pendingTimers, 0);
});

test('primary: stops while it starts, and while a worker is being replaced', async () => {
  const starting = cluster();
  const start = starting.gateway.start();
  await turn();
  const stop = starting.gateway.stop({ drain: false });
  await start;
  for (const process of starting.processes) process.end(0);
  await stop;

  const { gateway, first, second, clock, processes } = await started();
  first.end(1);
  const stopping = gateway.stop({ drain: false });
  await turn();
  second.end(0);
  await stopping;
  clock.advance(60_000);
  assert.equal(processes.length, 2);
});

test('primary: warns when a part of max_total_pending is less than max_pending', async () => {
  const warned = async (flags: object) =>
    (await started({ ...flags })).events().includes('cluster.small_share');
  assert.equal(await warned({ max_pending: '64MB', max_total_pending: '128MB' }), false);
  assert.equal(await warned({ max_pending: '64MB', max_total_pending: '127MB' }), true);
});

const changed = (flags: Readonly<Record<string, unknown>> = {}) =>
  loadConfig({
    env: {},
    flags: {
      workers: 3,
      'upstream.url': 'mqtt://other',
      authentication: [{ method: 'token', token: 't' }],
      default_permissions: { publish: ['a'] },
      ...flags,
    },
  });

test('primary: a reload is tried by one worker, then taken over by all, also by those that come later', async () => {
  const { gateway, first, second, processes, clock } = await started();
  let isDone = false;
  const reload = gateway.reload(changed()).then((result) => {
    isDone = true;
    return result;
  });
  await turn();
  assert.deepEqual([first.reloads.length, second.reloads.length], [1, 0]);
  first.answerReload(null);
  await turn();
  assert.deepEqual([first.reloads.length, second.reloads.length, isDone], [1, 1, false]);
  second.answerReload(null);
  assert.deepEqual(await reload, {
    changed: ['authentication', 'default_permissions'],
    needsRestart: ['workers', 'upstream.url'],
  });
  const { authentication, defaultPermissions } = changed();
  for (const { reloads } of [first, second]) {
    assert.deepEqual(reloads[0]?.config.authentication, authentication);
    assert.deepEqual(reloads[0]?.config.defaultPermissions, defaultPermissions);
  }

  second.end(1);
  clock.advance(100);
  const replaced = processes[2];
  replaced?.say({ type: 'loaded' });
  const config = replaced?.start?.config;
  assert.deepEqual(
    [config?.authentication, config?.defaultPermissions],
    [authentication, defaultPermissions],
  );
  assert.deepEqual([config?.workers, config?.upstream.url], [2, 'mqtt://b'], 'everything else stays');
});

test('primary: a reload that the first worker does not take over changes nothing', async () => {
  const { gateway, first, second, clock, processes } = await started();
  const refused = assert.rejects(gateway.reload(changed()), { code: 'GW_CONFIG', message: 'no such file' });
  await turn();
  first.answerReload('no such file');
  await refused;
  const late = assert.rejects(gateway.reload(changed()), { code: 'GW_CONFIG' });
  await turn();
  clock.advance(30_000);
  await late;
  assert.equal(first.isKilled, true, 'it might take it over later, which nobody else will');
  clock.advance(500);
  processes[2]?.becomeReady();
  assert.deepEqual(processes[2]?.start?.config.authentication, []);
  const gone = assert.rejects(gateway.reload(changed()), { code: 'GW_CONFIG' });
  await turn();
  processes[2]?.end(1);
  await gone;
  assert.equal(second.reloads.length, 0);
  clock.advance(500);
  processes[3]?.say({ type: 'loaded' });
  assert.deepEqual(processes[3]?.start?.config.authentication, []);
});

test('primary: a lowered limit ends the clients that came last, wherever they are', async () => {
  const { gateway, first, second } = await started();
  const ask = (process: FakeProcess, worker: number, number: number) =>
    process.say({ type: 'ask', cid: worker * 2 ** 32 + number, listener: 'tcp' });
  for (const number of [1, 2, 3]) ask(first, 1, number);
  ask(second, 2, 1);
  const reload = gateway.reload(changed({ max_connections: 3, workers: 2, 'upstream.url': 'mqtt://b' }));
  await turn();
  first.answerReload(null);
  await turn();
  second.answerReload(null);
  assert.deepEqual((await reload).needsRestart, []);
  const surplusOf = ({ received }: FakeProcess) => received.filter(({ type }) => type === 'surplus');
  assert.deepEqual(surplusOf(first), [{ type: 'surplus', cids: [2 ** 32 + 3] }]);
  assert.deepEqual(surplusOf(second), []);
});

test('primary: where workers share a free port, such listeners neither come nor go', async () => {
  const { gateway, first } = await started();
  const listeners = [{ name: 'other', bind: '127.0.0.1:0' }];
  await assert.rejects(gateway.reload(changed({ listeners })), /listeners\[0\]\.bind: .*name a port/);
  assert.equal(first.reloads.length, 0);
});

test('primary: a lame duck ends when no worker has clients, and replaces none', async () => {
  const { gateway, first, second, processes, clock } = await started();
  let isOver = false;
  void gateway.retired.then(() => {
    isOver = true;
  });
  await gateway.beginLameDuck();
  for (const { received } of [first, second]) assert.deepEqual(received.at(-1), { type: 'lameDuck' });
  await assert.rejects(gateway.reload(changed()), /is stopping/);
  first.say({ type: 'retired' });
  second.end(1);
  clock.advance(60_000);
  await turn();
  assert.deepEqual([isOver, gateway.isLameDuck, processes.length], [true, true, 2]);
  const stopping = gateway.stop({ drain: true });
  await turn();
  assert.equal(second.stop, undefined);
  first.end(0);
  await stopping;
});

test('primary: a worker that still loads when the lame duck begins serves nobody', async () => {
  const { gateway, first, second, processes, clock } = await started();
  second.end(1);
  clock.advance(100);
  await gateway.beginLameDuck();
  assert.equal(processes[2]?.isKilled, true);
  first.say({ type: 'retired' });
  await gateway.retired;
  clock.advance(60_000);
  assert.equal(processes.length, 3);
});

test('primary: a worker that does not take over what another one did is replaced', async () => {
  for (const failure of ['refuses', 'is silent'] as const) {
    const { gateway, first, second, clock, events } = await started();
    const reload = gateway.reload(changed());
    await turn();
    first.answerReload(null);
    await turn();
    if (failure === 'refuses') second.answerReload('EMFILE');
    else clock.advance(30_000);
    await reload;
    assert.deepEqual([first.isKilled, second.isKilled], [false, true], failure);
    assert.ok(events().includes('worker.reload_failed'));
  }
});

test('primary: a worker that starts during a reload takes it over, too', async () => {
  const { gateway, first, second, processes, clock } = await started();
  second.end(1);
  clock.advance(100);
  const replaced = processes[2];
  assert.ok(replaced);
  const reload = gateway.reload(changed());
  await turn();
  replaced.say({ type: 'loaded' });
  assert.deepEqual(replaced.start?.config.authentication, []);
  first.answerReload(null);
  await turn();
  assert.equal(replaced.reloads.length, 1);
  replaced.say({ type: 'ready', addresses: [address()] });
  replaced.answerReload(null);
  await reload;
});
