/** Another authority for the certificate of the broker, with a reload. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import { TestAuthority } from '../../support/certs.ts';
import { freePort } from '../../support/free-port.ts';
import { startGateway, writeSettings } from '../../support/gateway.ts';
import { startMosquitto } from '../../support/mosquitto.ts';
import { connectNats } from '../../support/nats.ts';
import { connectRaw } from '../../support/raw-client.ts';

test('upstream.tls: another authority is trusted from the next session on; a file that is none changes nothing', async () => {
  const [authority, stranger] = [new TestAuthority(), new TestAuthority('Somebody Else')];
  const port = await freePort();
  const server = authority.issue();
  const files = `cafile ${authority.caFile}\ncertfile ${server.certFile}\nkeyfile ${server.keyFile}`;
  const broker = await startMosquitto({ configuration: `listener ${port} 127.0.0.1\n${files}` });
  const trusting = (caFile: string) => ({
    client_info: { username: '', password: '' },
    upstream: {
      url: `mqtts://127.0.0.1:${port}`,
      mode: 'per_client',
      probe: false,
      connect_timeout: '300ms',
      tls: { ca_file: caFile },
    },
  });
  const gateway = await startGateway(trusting(stranger.caFile));
  const reload = async (caFile: string) => {
    const { file, remove } = await writeSettings(trusting(caFile));
    try {
      return await gateway.gateway.reload(loadConfig({ file, env: {}, flags: {} }));
    } finally {
      await remove();
    }
  };
  try {
    const refused = await connectRaw(gateway.host, gateway.port);
    refused.send('CONNECT {}\r\nPING\r\n');
    await refused.closed();
    await assert.rejects(reload(server.keyFile), { code: 'GW_CONFIG', message: /upstream\.tls\.ca_file/ });
    assert.deepEqual(await reload(authority.caFile), { changed: ['upstream.tls'], needsRestart: [] });
    const client = await connectNats(gateway);
    await client.flush();
    await reload(stranger.caFile);
    await client.flush();
    await client.close();
    const late = await connectRaw(gateway.host, gateway.port);
    late.send('CONNECT {}\r\nPING\r\n');
    await late.closed();
  } finally {
    await gateway.stop();
    await broker.stop();
    authority.remove();
    stranger.remove();
  }
});
