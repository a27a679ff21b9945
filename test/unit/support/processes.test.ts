import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort, LOOPBACK, listenOnFreePort, tryListen } from '../../support/free-port.ts';
import { watchLeaks } from '../../support/leaks.ts';
import { ManagedProcess, requireProgram } from '../../support/processes.ts';
import { Service } from '../../support/service.ts';
import { waitFor, within } from '../../support/wait-for.ts';

const PROCESSES = fileURLToPath(new URL('../../support/processes.ts', import.meta.url));

function isAlive(pid: number): boolean {
  try {
    // A zombie has ended, too: only its parent has not asked yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('processes: a missing program is one line with the command that installs it', () => {
  assert.throws(() => requireProgram({ name: 'no-such-program', aptPackage: 'such-package' }), {
    message: 'no-such-program is not installed; run: sudo apt-get install -y such-package',
  });
});

test('processes: tells how a program ended, with its output', async () => {
  const run = new ManagedProcess({ path: '/bin/sh', args: ['-c', 'echo out; echo err >&2; exit 3'] });
  assert.deepEqual(await run.exited, { code: 3, signal: null });
  assert.deepEqual([run.stdout, run.stderr], ['out\n', 'err\n']);
  await assert.rejects(
    run.untilOutput(/ready/),
    /ended \(\{"code":3,"signal":null\}\) before \/ready\/:\nout\nerr/,
  );
});

test('processes: ends a stopped process', async () => {
  const run = new ManagedProcess({ path: '/bin/sh', args: ['-c', 'echo up; exec sleep 600'] });
  await run.untilOutput(/up/);
  run.signal('SIGSTOP');
  assert.equal((await run.end()).signal, 'SIGTERM');
});

test('processes: does not wait for a grandchild that keeps the output open', async () => {
  const run = new ManagedProcess({ path: '/bin/sh', args: ['-c', 'sleep 20 & echo $!'] });
  assert.equal((await within(run.exited, 3_000, 'the exit')).code, 0);
  process.kill(Number(run.stdout));
});

const DEATHS: [name: string, code: string, signal: NodeJS.Signals | null][] = [
  ['returns', 'setTimeout(() => process.exit(0), 1)', null],
  ['throws', 'setTimeout(() => { throw new Error("crash"); }, 1)', null],
  ['is terminated', '', 'SIGTERM'],
  ['is killed', '', 'SIGKILL'],
];
for (const [name, code, signal] of DEATHS) {
  test(`processes: a child does not outlive a test process that ${name}`, async () => {
    const script = `
      import(${JSON.stringify(PROCESSES)}).then(({ ManagedProcess }) => {
        const run = new ManagedProcess({ path: '/bin/sleep', args: ['600'] });
        process.stdout.write(run.pid + '\\n', () => { ${code} });
      });`;
    const parent = spawn(process.execPath, ['--import', 'tsx', '-e', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    if (signal !== null) {
      await waitFor(() => readdirSync(`/proc/${pid}/task`).length > 0, 2_000, 'the child');
      parent.kill(signal);
    }
    await within(once(parent, 'exit'), 5_000, 'the test process to end');
    await waitFor(() => !isAlive(pid), 3_000, 'the child to end');
  });
}

test('service: takes another port when the first is taken', async () => {
  const taken = createServer();
  const takenPort = await listenOnFreePort(taken);
  const tried: number[] = [];
  const service = await Service.start({
    program: process.execPath,
    readyLine: /^ready$/m,
    arguments: async (port) => {
      tried.push(port);
      const real = tried.length === 1 ? takenPort : port;
      return [
        '-e',
        `require('net').createServer().listen(${real}, '${LOOPBACK}', () => console.log('ready'))`,
      ];
    },
    probe: async () => {},
    cleanUp: async () => {},
  });
  taken.close();
  assert.equal(tried.length, 2);
  assert.equal(service.port, tried[1]);
  await service.stop();
});

test('service: a program that does not start is an error with its output', async () => {
  const definition = {
    program: '/bin/sh',
    readyLine: /ready/,
    arguments: async () => ['-c', 'echo bad option >&2; exit 1'],
    probe: async () => {},
    cleanUp: async () => {},
  };
  await assert.rejects(Service.start(definition), /bad option/);
});

test('free port: lies below the ports of outgoing connections, and is free', async () => {
  const lowestEphemeral = Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'), 10);
  const port = await freePort();
  assert.ok(port < lowestEphemeral);
  const server = createServer();
  assert.equal(await tryListen(server, port), true);
  assert.equal(await tryListen(createServer(), port), false);
  server.close();
});

test('waitFor: returns what the condition gave, and counts an exception as not yet', async () => {
  let calls = 0;
  const value = await waitFor(() => {
    calls++;
    if (calls < 3) throw new Error('not yet');
    return 'value';
  });
  assert.deepEqual([value, calls], ['value', 3]);
});

test('waitFor: fails at the limit, also when the condition hangs', async () => {
  await assert.rejects(
    waitFor(() => false, 20, 'the impossible'),
    { message: 'waited 20 ms for the impossible' },
  );
  await assert.rejects(
    waitFor(() => new Promise<never>(() => {}), 20, 'the silent'),
    /waited 20 ms for the silent/,
  );
});

test('leaks: names a socket, server or timer that is left, and is content when it is gone', async () => {
  const assertNoLeaks = watchLeaks();
  const server = createServer();
  await listenOnFreePort(server);
  // Several: what earlier tests have left may go meanwhile, and must not make up for all of them.
  const timers = Array.from({ length: 8 }, () => setInterval(() => {}, 60_000));
  await assert.rejects(assertNoLeaks(50), (error: Error) => {
    assert.match(error.message, /1 TCPServerWrap/);
    assert.match(error.message, /[1-8] Timeout/);
    return true;
  });
  for (const timer of timers) clearInterval(timer);
  server.close();
  await assertNoLeaks();
});
