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
    await reloaded('gateway.reloaded', 1);
    assert.ok((await client.closed()) instanceof Error);
    await assert.rejects(connectNats(gateway, { user: 'ann', pass: 'one' }), AuthorizationError);
    await (await connectNats(gateway, { user: 'ann', pass: 'two' })).close();
  } finally {
    await gateway.stop();
    await remove();
    await broker.stop();
  }
});
