/** Signals on the built program, with one process and with several: reload under load, lame duck, drain. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { connectDevice } from '../../support/device.ts';
import { freePort } from '../../support/free-port.ts';
import { type GatewaySettings, writeSettings } from '../../support/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../../support/gateway-process.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { Collected, connectNats } from '../../support/nats.ts';
import { connectRaw, type RawClient } from '../../support/raw-client.ts';
import { waitFor } from '../../support/wait-for.ts';
import { isRunning, natsOnWorker, workerPids } from '../../support/workers.ts';

let broker: Mosquitto;

before(async () => {
  broker = await startMosquitto({ configuration: 'max_queued_messages 0' });
});
after(() => broker.stop());

/** A gateway whose configuration file can be changed. */
async function start(workers: number, more: GatewaySettings = {}) {
  const port = await freePort();
  const base = {
    workers,
    upstream: { url: broker.url },
    client_info: { username: '', password: '' },
    listeners: [{ name: 'tcp', bind: `127.0.0.1:${port}` }],
    log: { format: 'json' },
    ...more,
  };
  const { file, remove } = await writeSettings(base);
  const change = (settings: GatewaySettings) => writeFile(file, JSON.stringify({ ...base, ...settings }));
  await change({});
  const gateway = await startGatewayProcess({ args: ['-c', file] });
  const stop = async (): Promise<void> => {
    await gateway.stop();
    await remove();
  };
  return { gateway, port, change, stop };
}

async function refusesConnections(host: string, port: number): Promise<boolean> {
  try {
    await (await connectRaw(host, port)).close();
    return false;
  } catch (error) {
    return String(error).includes('ECONNREFUSED');
  }
}

/** Connects, takes the first PONG, and the INFO after it. */
async function modernClient({ host, port }: GatewayProcess): Promise<RawClient> {
  const client = await connectRaw(host, port);
  client.answerPings();
  client.send('CONNECT {"verbose":false,"protocol":1}\r\nPING\r\n');
  await client.expect(/^PONG\r\nINFO \{[^\n]*\} \r\n/);
  return client;
}

/** Sends acknowledged publications as fast as they are acknowledged, until the connection ends. @returns how many were */
async function publishUntilTheEnd(
  gateway: GatewayProcess,
  topic: string,
  onAck: () => void,
): Promise<number> {
  const client = await connectRaw(gateway.host, gateway.port);
  client.answerPings();
  client.send('CONNECT {"verbose":true}\r\n');
  await client.expect('+OK\r\n');
  let acknowledged = 0;
  try {
    for (let sent = 0; client.isOpen; ) {
      // A window of a hundred.
      for (; sent < acknowledged + 100; sent++)
        client.send(`PUB ${topic} 8\r\n${String(sent).padStart(8, '0')}\r\n`);
      await client.expect('+OK\r\n');
      acknowledged++;
      onAck();
    }
  } catch {
    // The end of the connection. What had been acknowledged is in the buffer.
    acknowledged += client.unread.toString().split('+OK\r\n').length - 1;
  }
  await client.close();
  return acknowledged;
}

for (const workers of [1, 2]) {
  describe(`signals, workers: ${workers}`, () => {
    test('SIGHUP under load loses no message and ends no client', async () => {
      const { gateway, port, change, stop } = await start(workers);
      const name = workers === 1 ? 0 : 1;
      const on = (worker: number) => (workers === 1 ? connectNats(gateway) : natsOnWorker(gateway, worker));
      try {
        const [from, to] = [await on(name), await on(workers)];
        const collected = new Collected(to, 'load');
        await to.flush();
        let sent = 0;
        let isOver = false;
        const publishing = (async () => {
          while (!isOver) {
            for (let i = 0; i < 20; i++) from.publish('load', String(sent++));
            await from.flush();
            await turn();
          }
        })();
        for (let round = 1; round <= 8; round++) {
          await change({
            listeners: [
              { name: 'tcp', bind: `127.0.0.1:${port}`, max_connections: 1000 + round },
              ...(round % 2 === 0 ? [{ name: 'extra', bind: `127.0.0.1:${await freePort()}` }] : []),
            ],
            ping_interval: `${30 + round}s`,
            rules: round % 2 === 0 ? [{ subject: 'other', qos: 1 }] : [],
            authentication: round % 3 === 0 ? [{ method: 'token', token: 't', enable: false }] : [],
          });
          gateway.signal('SIGHUP');
          await waitFor(
            () => gateway.logLines('config.reloaded').length === round,
            10_000,
            `reload ${round}`,
          );
          const changed = gateway.logLines('config.reloaded')[round - 1]?.changed as string[];
          assert.ok(changed.includes('listeners'));
        }
        isOver = true;
        await publishing;
        await collected.count(sent);
        assert.deepEqual(
          collected.texts,
          Array.from({ length: sent }, (_, i) => String(i)),
        );
        assert.deepEqual([from.isClosed(), to.isClosed()], [false, false]);
        assert.equal(gateway.logLines('worker.exited').length, 0);
        await from.close();
        await to.close();
      } finally {
        await stop();
      }
    });

    test('SIGHUP: a wrong file changes nothing, and the log says what is wrong', async () => {
      const { gateway, port, change, stop } = await start(workers);
      try {
        const client = await connectNats(gateway);
        await change({ ping_intervall: '1s' });
        gateway.signal('SIGHUP');
        const failed = () => gateway.logLines('config.reload_failed');
        await waitFor(() => failed().length === 1, 5_000, 'the refusal');
        assert.match(String(failed()[0]?.reason), /ping_intervall.*is not a known setting.*ping_interval/);
        const other = await freePort();
        await change({
          listeners: [
            { name: 'tcp', bind: `127.0.0.1:${other}` },
            { name: 'busy', bind: `127.0.0.1:${broker.port}` },
          ],
        });
        gateway.signal('SIGHUP');
        await waitFor(() => failed().length === 2, 5_000, 'the second refusal');
        assert.match(String(failed()[1]?.reason), /listeners\[1\]\.bind: .*EADDRINUSE/);
        await assert.rejects(connectRaw('127.0.0.1', other), /ECONNREFUSED/);
        await (await connectRaw('127.0.0.1', port)).close();
        await client.flush();
        await client.close();
      } finally {
        await stop();
      }
    });

    test('SIGHUP: another address, then a worker that ends comes back there', async () => {
      const { gateway, port, change, stop } = await start(workers);
      try {
        const other = await freePort();
        await change({ listeners: [{ name: 'tcp', bind: `127.0.0.1:${other}` }], max_connections: 5 });
        gateway.signal('SIGHUP');
        await waitFor(() => gateway.logLines('config.reloaded').length === 1, 5_000, 'the reload');
        await assert.rejects(connectRaw('127.0.0.1', port), /ECONNREFUSED/);
        const clients = [];
        for (let i = 0; i < 5; i++) clients.push(await connectRaw('127.0.0.1', other));
        const sixth = await connectRaw('127.0.0.1', other);
        await sixth.expect("-ERR 'maximum connections exceeded'\r\n");
        for (const client of [...clients, sixth]) await client.close();
        if (workers === 1) return;
        const [pid = 0] = workerPids(gateway.logLines('worker.started'));
        process.kill(pid, 'SIGKILL');
        await waitFor(() => gateway.logLines('worker.started').length === 3, 10_000, 'another worker');
        for (const worker of [1, 2])
          await (await natsOnWorker({ url: `nats://127.0.0.1:${other}` }, worker)).close();
      } finally {
        await stop();
      }
    });

    test('SIGUSR2: nobody new, INFO with ldm, traffic goes on, clients end one by one, exit code 0', async () => {
      const { gateway, port, stop } = await start(workers, {
        lame_duck_grace_period: '1s',
        lame_duck_duration: '2s',
      });
      try {
        const clients = [];
        for (let i = 0; i < 4; i++) clients.push(await modernClient(gateway));
        const old = await connectRaw(gateway.host, port);
        old.answerPings();
        old.send('CONNECT {"verbose":false,"protocol":0}\r\nPING\r\n');
        await old.expect('PONG\r\n');
        gateway.signal('SIGUSR2');
        for (const client of clients) await client.expect(/^INFO \{[^\n]*"ldm":true[^\n]*\} \r\n/);
        // With workers the primary's socket is closed a little later: until then whoever comes is reset.
        await waitFor(() => refusesConnections(gateway.host, port), 5_000, 'the port to be closed');
        gateway.signal('SIGTERM');
        const [one] = clients;
        one?.send('SUB a 1\r\nPUB a 1\r\nx\r\n');
        await one?.expect('MSG a 1 1\r\nx\r\n');
        await old.pingPong();
        for (const client of [...clients, old]) assert.equal((await client.closed()).leftover.length, 0);
        assert.deepEqual(await gateway.exited(), { code: 0, signal: null });
        assert.equal(gateway.logLines('process.signal_ignored').length, 1);
        const ends = gateway.logLines('client.disconnected');
        assert.deepEqual([...new Set(ends.map(({ reason }) => reason))], ['Server Shutdown']);
        const times = ends.map(({ time }) => Date.parse(String(time))).sort((a, b) => a - b);
        const spreadMs = (times.at(-1) ?? 0) - (times[0] ?? 0);
        assert.ok(spreadMs >= 100, `all within ${spreadMs} ms`);
      } finally {
        await stop();
      }
    });

    test('SIGUSR2: without clients the program ends at once; SIGINT ends a lame duck at once', async () => {
      const idle = await start(workers);
      idle.gateway.signal('SIGUSR2');
      const startMs = performance.now();
      assert.deepEqual(await idle.gateway.exited(), { code: 0, signal: null });
      assert.ok(performance.now() - startMs < 3_000);
      await idle.stop();

      const busy = await start(workers);
      const client = await modernClient(busy.gateway);
      busy.gateway.signal('SIGUSR2');
      await client.expect(/^INFO .*"ldm":true/);
      busy.gateway.signal('SIGINT');
      assert.deepEqual(await busy.gateway.exited(), { code: 0, signal: null });
      await busy.stop();
    });

    test('SIGTERM: of what was acknowledged under load, nothing is lost', async () => {
      const { gateway, stop } = await start(workers, { shutdown_timeout: '10s' });
      const device = await connectDevice(broker.url);
      try {
        await device.subscribe('load/+');
        let acks = 0;
        const publishers = ['a', 'b', 'c', 'd'].map((name) =>
          publishUntilTheEnd(gateway, `load.${name}`, () => {
            acks++;
          }),
        );
        await waitFor(() => acks > 2_000, 20_000, 'some load');
        const pids = workers === 1 ? [] : workerPids(gateway.logLines('worker.started'));
        const startMs = performance.now();
        gateway.signal('SIGTERM');
        assert.deepEqual(await gateway.exited(), { code: 0, signal: null });
        assert.ok(performance.now() - startMs < 10_000);
        assert.deepEqual(pids.filter(isRunning), []);
        const acknowledged = await Promise.all(publishers);
        const missing = (): string[] => {
          const seen = new Set(device.messages.map(({ topic, text }) => `${topic} ${Number(text)}`));
          return acknowledged.flatMap((count, position) =>
            Array.from({ length: count }, (_, i) => `load/${'abcd'[position]} ${i}`).filter(
              (message) => !seen.has(message),
            ),
          );
        };
        await waitFor(() => missing().length === 0, 5_000, 'all that was acknowledged');
        assert.equal(gateway.logLines('gateway.drain_incomplete').length, 0);
      } finally {
        await device.close();
        await stop();
      }
    });

    test('SIGINT: the program ends at once', async () => {
      const { gateway, stop } = await start(workers);
      const client = await modernClient(gateway);
      const startMs = performance.now();
      gateway.signal('SIGINT');
      await client.closed();
      assert.deepEqual(await gateway.exited(), { code: 0, signal: null });
      assert.ok(performance.now() - startMs < 5_000);
      await stop();
    });
  });
}
