/** Two gateways behind the balancer of the compose stack, with the configuration that it has there but for the addresses. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { ask, HTTP_ON_FREE_PORT, httpUrl } from '../../support/admin.ts';
import { freePort } from '../../support/free-port.ts';
import { type GatewayProcess, startGatewayProcess } from '../../support/gateway-process.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { collect, connectNats } from '../../support/nats.ts';
import { ManagedProcess, PROGRAMS, requireProgram } from '../../support/processes.ts';
import { connectRaw } from '../../support/raw-client.ts';
import { waitFor } from '../../support/wait-for.ts';

const CONFIGURATION = fileURLToPath(new URL('../../../deploy/compose/haproxy.cfg', import.meta.url));
const STACK = fileURLToPath(new URL('../../../docker-compose.yml', import.meta.url));

interface Stack {
  readonly services: Readonly<
    Record<
      'gateway-replica' | 'balancer',
      {
        readonly environment: Readonly<Record<string, string>>;
        readonly networks: { readonly balanced: { readonly ipv4_address: string } };
      }
    >
  >;
}

let broker: Mosquitto;
let gateways: GatewayProcess[];
let balancer: ManagedProcess;
let folder: string;
let url: string;

before(async () => {
  broker = await startMosquitto();
  const settings = {
    upstream: { url: broker.url },
    http: HTTP_ON_FREE_PORT,
    listeners: localListeners(await readFile(STACK, 'utf8')),
  };
  gateways = [await startGatewayProcess({ settings }), await startGatewayProcess({ settings })];
  const port = await freePort();
  url = `nats://127.0.0.1:${port}`;
  folder = await mkdtemp(join(tmpdir(), 'nmg-haproxy-'));
  const file = join(folder, 'haproxy.cfg');
  await writeFile(file, localConfiguration(await readFile(CONFIGURATION, 'utf8'), port));
  balancer = new ManagedProcess({ path: requireProgram(PROGRAMS.haproxy), args: ['-db', '-f', file] });
  await waitFor(() => connectsThrough(), 10_000, 'the balancer');
});

after(async () => {
  await balancer.end();
  for (const gateway of gateways) await gateway.stop();
  await broker.stop();
  await rm(folder, { recursive: true });
});

/** What depends on Docker's name server and fixed ports is replaced; all else stays as it is. */
function localConfiguration(text: string, port: number): string {
  const template = /server-template gateway- 5 gateway-replica:4222(.*)/;
  const options = template.exec(text)?.[1];
  const servers = gateways.map((gateway, i) => {
    const http = new URL(httpUrl(gateway)).port;
    return `server gateway-${i} 127.0.0.1:${gateway.port} port ${http}${options}`;
  });
  const replaced: [RegExp, string][] = [
    [/^resolvers docker\n(?: {4}.*\n)+/m, ''],
    [/ port 8222/, ''],
    [/ resolvers docker init-addr none/, ''],
    [/bind :4222/, `bind 127.0.0.1:${port}`],
    [template, servers.join('\n    ')],
  ];
  return replaced.reduce((result, [from, to]) => {
    assert.match(result, from);
    return result.replace(from, () => to);
  }, text);
}

/** Listeners of the stack's gateways, where the only balancer that may connect is the stack's. */
function localListeners(text: string): Record<string, unknown>[] {
  const { services } = parse(text, { merge: true }) as Stack;
  const json = services['gateway-replica'].environment.NATSMQTT_LISTENERS ?? '';
  const balancerAddress = services.balancer.networks.balanced.ipv4_address;
  const listeners = JSON.parse(json) as Record<string, unknown>[];
  return listeners.map((listener) => {
    assert.deepEqual(listener.proxy_protocol_from, [balancerAddress]);
    return { ...listener, bind: '127.0.0.1:0', proxy_protocol_from: ['127.0.0.1'] };
  });
}

async function serverId(gateway: GatewayProcess): Promise<string> {
  return (await ask(`${httpUrl(gateway)}/varz`)).json<{ server_id: string }>().server_id;
}

async function connectsThrough(): Promise<boolean> {
  assert.equal(balancer.exit, null, balancer.stderr);
  try {
    await (await connectNats(url)).close();
    return true;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return false; // not up yet; waitFor has the limit
  }
}

test('replicas: gateways know the addresses of clients, not that of the balancer', async (t) => {
  const client = await connectRaw('127.0.0.1', Number(new URL(url).port), { localAddress: '127.0.0.7' });
  t.after(() => client.close());
  assert.equal(client.info.client_ip, '127.0.0.7');
  client.send('CONNECT {"verbose":false}\r\nPING\r\n');
  await client.expect('PONG\r\n');
  const pages = await Promise.all(gateways.map((gateway) => ask(`${httpUrl(gateway)}/connz`)));
  const seen = pages.flatMap((page) => page.json<{ connections: { ip: string }[] }>().connections);
  assert.deepEqual(
    seen.map(({ ip }) => ip),
    ['127.0.0.7'],
  );
});

test('replicas: clients are spread, one queue group spans both, and clients of a lost one go to the other', async () => {
  const clients = await Promise.all(
    Array.from({ length: 4 }, () => connectNats(url, { reconnect: true, reconnectTimeWait: 50 })),
  );
  const ids = clients.map(({ info }) => info?.server_id);
  assert.equal(new Set(ids).size, 2, 'two gateways serve them');
  for (const id of new Set(ids)) assert.equal(ids.filter((other) => other === id).length, 2);

  const members = await Promise.all(clients.map((client) => collect(client, 'work.*', { queue: 'workers' })));
  const publisher = await connectNats(url);
  for (let i = 0; i < 100; i++) publisher.publish(`work.${i}`, String(i));
  await publisher.flush();
  const texts = () => members.flatMap((member) => member.texts);
  await waitFor(() => texts().length >= 100, 5_000, '100 messages');
  await Promise.all(clients.map((client) => client.flush()));
  assert.equal(new Set(texts()).size, 100, 'each once');
  assert.equal(texts().length, 100);
  const counts = [...new Set(ids)].map((id) =>
    members.filter((_, i) => ids[i] === id).reduce((sum, member) => sum + member.texts.length, 0),
  );
  for (const count of counts) assert.ok(count > 0, `a gateway has got none: ${counts.join(', ')}`);
  await publisher.close();

  const [lost, left] = gateways;
  assert.ok(lost !== undefined && left !== undefined);
  const staying = left.logLines('client.connected').length;
  await lost.stop();
  const remaining = await serverId(left);
  await waitFor(
    () => clients.every(({ info }) => info?.server_id === remaining),
    10_000,
    'all clients at the other gateway',
  );
  assert.ok(left.logLines('client.connected').length > staying);
  for (const client of clients) await client.close();
});
