/** SIGHUP on the built program. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { AuthorizationError } from '@nats-io/transport-node';
import { writeSettings } from '../../support/gateway.ts';
import { startGatewayProcess } from '../../support/gateway-process.ts';
import { startMosquitto } from '../../support/mosquitto.ts';
import { connectNats } from '../../support/nats.ts';
import { waitFor } from '../../support/wait-for.ts';
import { natsOnWorker, workerPids } from '../../support/workers.ts';

test('SIGHUP: takes the users file over, and a wrong one changes nothing', async () => {
  const broker = await startMosquitto();
  const settings = {
    upstream: { url: broker.url },
    client_info: { username: '', password: '' },
    authentication: [{ method: 'built_in', users_file: 'set below' }],
  };
  const { file, remove } = await writeSettings(settings);
  const usersFile = join(dirname(file), 'users.json');
  const authentication = [{ method: 'built_in', users_file: usersFile }];
  const listeners = [{ name: 'tcp', bind: '127.0.0.1:0' }];
  await writeFile(file, JSON.stringify({ ...settings, listeners, authentication, log: { format: 'json' } }));
  await writeFile(usersFile, '{ "users": [{ "user": "ann", "password": "one" }] }');
  const gateway = await startGatewayProcess({ args: ['-c', file] });
  try {
    const reloaded = (event: string, count: number) =>
      waitFor(() => gateway.logLines(event).length === count, 5_000, event);
    const client = await connectNats(gateway, { user: 'ann', pass: 'one' });

    await writeFile(usersFile, '{ "users": [');
    gateway.signal('SIGHUP');
    await reloaded('config.reload_failed', 1);
    await client.flush();

    await writeFile(usersFile, '{ "users": [{ "user": "ann", "password": "two" }] }');
    gateway.signal('SIGHUP');
    await reloaded('config.reloaded', 1);
    assert.ok((await client.closed()) instanceof Error);
    await assert.rejects(connectNats(gateway, { user: 'ann', pass: 'one' }), AuthorizationError);
    await (await connectNats(gateway, { user: 'ann', pass: 'two' })).close();
  } finally {
    await gateway.stop();
    await remove();
    await broker.stop();
  }
});

test('SIGHUP: several workers take the users file over together, and one that is replaced goes by it', async () => {
  const broker = await startMosquitto();
  const settings = { workers: 2, upstream: { url: broker.url }, client_info: { username: '', password: '' } };
  const { file, remove } = await writeSettings(settings);
  const usersFile = join(dirname(file), 'users.json');
  const authentication = [{ method: 'built_in', users_file: usersFile }];
  const listeners = [{ name: 'tcp', bind: '127.0.0.1:0' }];
  await writeFile(file, JSON.stringify({ ...settings, listeners, authentication, log: { format: 'json' } }));
  const service = { user: 'svc', password: 'svc', permissions: { sub: ['q'], allow_responses: { max: -1 } } };
  const write = (password: string) =>
    writeFile(usersFile, JSON.stringify({ users: [{ user: 'ann', password }, service] }));
  await write('one');
  const gateway = await startGatewayProcess({ args: ['-c', file] });
  const as = (pass: string) => ({ user: 'ann', pass });
  try {
    const logged = (event: string, count: number) =>
      waitFor(() => gateway.logLines(event).length === count, 10_000, event);
    const clients = [await natsOnWorker(gateway, 1, as('one')), await natsOnWorker(gateway, 2, as('one'))];

    // A limit that is Infinity reaches workers as such.
    const responder = await natsOnWorker(gateway, 2, { user: 'svc', pass: 'svc' });
    responder.subscribe('q', { callback: (_error, message) => void message.respond('answer') });
    await responder.flush();
    assert.equal((await clients[0]?.request('q'))?.string(), 'answer');

    await writeFile(usersFile, '{ "users": [');
    gateway.signal('SIGHUP');
    await logged('config.reload_failed', 1);
    for (const client of clients) await client.flush();
    assert.equal(gateway.logLines('config.reloaded').length, 0);

    await write('two');
    gateway.signal('SIGHUP');
    await logged('config.reloaded', 1);
    for (const client of clients) assert.ok((await client.closed()) instanceof Error);
    for (let i = 0; i < 4; i++) await assert.rejects(connectNats(gateway, as('one')), AuthorizationError);
    for (const worker of [1, 2]) await (await natsOnWorker(gateway, worker, as('two'))).close();

    process.kill(workerPids(gateway.logLines('worker.started'))[0] ?? 0, 'SIGKILL');
    await logged('worker.started', 3);
    for (let i = 0; i < 4; i++) await assert.rejects(connectNats(gateway, as('one')), AuthorizationError);
    for (const worker of [1, 2]) await (await natsOnWorker(gateway, worker, as('two'))).close();
    await responder.close();
  } finally {
    await gateway.stop();
    await remove();
    await broker.stop();
  }
});
