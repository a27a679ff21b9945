/** What the settings of the HTTP server change, and when. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { SessionBody } from '../../../src/admin/api-types.ts';
import { AdminServer } from '../../../src/admin/server.ts';
import { silentLogger } from '../../../src/util/logger.ts';
import { ask, HTTP_ON_FREE_PORT, metricValues } from '../../support/admin.ts';
import { type GatewaySettings, type RunningGateway, startGateway } from '../../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { collect, connectNats } from '../../support/nats.ts';
import { waitFor } from '../../support/wait-for.ts';

let broker: Mosquitto;
let gateway: RunningGateway;
let admin: AdminServer;

before(async () => {
  broker = await startMosquitto();
});
afterEach(async () => {
  await admin.close();
  await gateway.stop();
});
after(() => broker.stop());

/** A gateway with its HTTP server, in this process, so that it can be reloaded by hand. */
async function start(settings: GatewaySettings, url = broker.url): Promise<string> {
  gateway = await startGateway({ upstream: { url }, ...settings });
  admin = new AdminServer({ control: gateway.gateway, reloads: null, settings: null, logger: silentLogger });
  await admin.start();
  return admin.url;
}

const ANN = { name: 'ann', password: 'one' };

test('settings: another password, in force with a reload, ends the sessions of the old one', async () => {
  const url = await start({ http: { ...HTTP_ON_FREE_PORT, users: [ANN, { name: 'bob', password: 'two' }] } });
  const logIn = async (user: string, password: string) => {
    const answer = await ask(`${url}/api/v1/session`, { method: 'POST', body: { user, password } });
    return { status: answer.status, cookie: String(answer.headers['set-cookie']).split(';')[0] ?? '' };
  };
  const whoIs = async (cookie: string) =>
    (await ask(`${url}/api/v1/session`, { headers: { cookie } })).json<SessionBody>().user;
  const [ann, bob] = [await logIn('ann', 'one'), await logIn('bob', 'two')];
  assert.deepEqual([await whoIs(ann.cookie), await whoIs(bob.cookie)], ['ann', 'bob']);

  const { http } = gateway.config;
  const users = http.users.map(({ name, secret }) => ({ name, secret: name === 'ann' ? 'three' : secret }));
  const { changed } = await gateway.gateway.reload({ ...gateway.config, http: { ...http, users } });
  assert.deepEqual(changed, ['http.users']);
  assert.deepEqual([await whoIs(ann.cookie), await whoIs(bob.cookie)], [null, 'bob']);
  assert.deepEqual([(await logIn('ann', 'one')).status, (await logIn('ann', 'three')).status], [401, 200]);
});

test('settings: groups of pages can be open, the rest stays closed', async () => {
  const url = await start({
    http: { ...HTTP_ON_FREE_PORT, users: [ANN], open: ['metrics', 'monitoring'] },
  });
  const status = async (path: string) => (await ask(url + path)).status;
  assert.deepEqual(
    [await status('/metrics'), await status('/varz'), await status('/livez'), await status('/api/v1/audit')],
    [200, 200, 401, 401],
  );
});

test('settings: enable_stats false counts for all, not for each', async () => {
  const url = await start({ enable_stats: false, http: HTTP_ON_FREE_PORT });
  const nats = await connectNats(gateway);
  const received = await collect(nats, 'a');
  for (let i = 0; i < 7; i++) nats.publish('a', 'xy');
  await received.count(7);
  await nats.flush();
  const { connections } = (await ask(`${url}/connz`)).json<{ connections: Record<string, unknown>[] }>();
  const [only] = connections;
  assert.deepEqual([only?.in_msgs, only?.out_msgs, only?.in_bytes, only?.out_bytes], [0, 0, 0, 0]);
  const { in_msgs: inMessages, out_bytes: outBytes } = (await ask(`${url}/varz`)).json();
  assert.deepEqual([inMessages, outBytes], [7, 14]);
  await nats.close();
});

test('settings: ready_without_broker does not mind an absent broker, and minds everything else', async () => {
  const absent = 'mqtt://127.0.0.1:1';
  const url = await start({ http: { ...HTTP_ON_FREE_PORT, ready_without_broker: true } }, absent);
  const isDown = async () => (await gateway.gateway.readiness()).isReady === false;
  await waitFor(isDown, 5_000, 'the gateway to notice that there is no broker');
  assert.equal((await ask(`${url}/readyz`)).status, 200);
  assert.equal(metricValues((await ask(`${url}/metrics`)).text, 'natsmqtt_ready').get(''), 1);
  await gateway.stop();
  const { status, text } = await ask(`${url}/readyz`);
  assert.equal(status, 503);
  assert.match(text, /stopping/);
});

test('settings: the dashboard, or a page that says how to build it, is at /', async () => {
  const url = await start({ http: { ...HTTP_ON_FREE_PORT, base_path: '/ops' } });
  const bare = await ask(`${url}/ops`);
  assert.deepEqual([bare.status, bare.headers.location], [308, '/ops/'], 'links on the page are relative');
  const page = await ask(`${url}/ops/`);
  assert.equal(page.status, 200);
  assert.match(String(page.headers['content-type']), /^text\/html/);
  const script = /(?:src|href)="\.\/(assets\/[^"]+\.js)"/.exec(page.text)?.[1];
  assert.ok(script !== undefined, 'npm run build has made it');
  const asset = await ask(`${url}/ops/${script}`);
  assert.deepEqual(
    [asset.status, asset.headers['cache-control']],
    [200, 'public, max-age=31536000, immutable'],
  );
  assert.equal(page.headers['cache-control'], 'no-cache');
  for (const other of ['/api/v1/settings', '/healthz', '/ops/assets/none.js', '/none'])
    assert.equal((await ask(url + other)).headers['cache-control'], 'no-store', other);
  assert.equal((await ask(`${url}/ops/assets/../../../package.json`)).status, 404);
  assert.equal((await ask(`${url}/ops/%2e%2e/%2e%2e/package.json`)).status, 404);
});
