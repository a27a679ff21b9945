/**
 * The monitoring pages against those of a real nats-server, field by field and type by type, after the same traffic. What may
 * differ is in monitoring-differences.ts.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { NatsConnection } from '@nats-io/transport-node';
import { type Answer, ask, HTTP_ON_FREE_PORT, httpUrl } from '../../support/admin.ts';
import { freePort } from '../../support/free-port.ts';
import { type GatewayProcess, startGatewayProcess } from '../../support/gateway-process.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { connectNats } from '../../support/nats.ts';
import { type NatsServer, startNatsServer } from '../../support/nats-server.ts';
import { connectRaw } from '../../support/raw-client.ts';
import { waitFor } from '../../support/wait-for.ts';
import { PAGE_DIFFERENCES } from './monitoring-differences.ts';
import { fieldsOf } from './page-fields.ts';

let broker: Mosquitto;
let gateway: GatewayProcess;
let oracle: NatsServer;
/** Base URLs of the pages: of nats-server, and ours. */
let theirs: string;
let ours: string;
const clients: NatsConnection[] = [];

before(async () => {
  broker = await startMosquitto();
  const port = await freePort();
  oracle = await startNatsServer({ settings: { http: `127.0.0.1:${port}`, server_name: 'one' } });
  theirs = `http://127.0.0.1:${port}`;
  gateway = await startGatewayProcess({
    settings: {
      server_name: 'one',
      upstream: { url: broker.url },
      listeners: [{ name: 'tcp', type: 'tcp', bind: '127.0.0.1:0' }],
      http: HTTP_ON_FREE_PORT,
    },
  });
  ours = httpUrl(gateway);
  // Whoever starts nats-server has looked whether it answers.
  await (await connectRaw('127.0.0.1', gateway.port)).close();
  for (const server of [oracle, gateway]) await traffic(server);
  const isRemembered = async (url: string) => {
    const { connections } = (await ask(`${url}/connz?state=closed`)).json<{
      connections: { name?: string }[];
    }>();
    return connections.length === 2 && connections.some(({ name }) => name === 'leaves');
  };
  await waitFor(
    async () => (await isRemembered(ours)) && (await isRemembered(theirs)),
    5_000,
    'closed clients',
  );
});
after(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await Promise.all([gateway.stop(), oracle.stop()]);
  await broker.stop();
});

/** One client stays, with subscriptions, and one has left. */
async function traffic(server: { readonly url: string }): Promise<void> {
  const stays = await connectNats(server, { name: 'stays' });
  clients.push(stays);
  const received: string[] = [];
  const note = (_error: Error | null, message: { readonly subject: string }): void => {
    received.push(message.subject);
  };
  stays.subscribe('a.b', {
    queue: 'q',
    max: 5,
    callback: note,
  });
  stays.subscribe('c.>', { callback: note });
  await stays.flush();
  stays.publish('a.b', 'x');
  stays.publish('c.d', 'yy');
  await stays.flush();
  await waitFor(() => received.length === 2, 5_000, 'both messages');
  const leaves = await connectNats(server, { name: 'leaves' });
  leaves.publish('c.e', 'z');
  await leaves.flush();
  await leaves.close();
  await waitFor(() => received.length === 3, 5_000, 'the message of the one that leaves');
}

function isIntended(page: string, field: string): boolean {
  return PAGE_DIFFERENCES.some(
    (difference) =>
      difference.page === page &&
      (field === difference.field ||
        field.startsWith(`${difference.field}.`) ||
        field.startsWith(`${difference.field}[]`)),
  );
}

const PAGES = [
  'varz',
  'connz',
  'connz?subs=1',
  'connz?subs=detail',
  'connz?auth=1',
  'connz?state=closed',
  'connz?state=all&sort=cid',
  'subsz',
  'subscriptionsz',
  'subsz?subs=1',
  'subsz?subs=1&test=c.x',
  'subsz?acc=nobody',
  'routez',
  'gatewayz',
  'leafz',
  'accountz',
  'accountz?acc=$G',
  'accstatz',
  'accstatz?unused=1',
  'jsz',
  'healthz',
  'healthz?js-enabled-only=true&js-server-only=true',
];
for (const page of PAGES) {
  test(`checklist 107: /${page} has the fields and types of nats-server`, async () => {
    const [expected, actual] = await both(page);
    assert.deepEqual([actual.status, actual.headers['content-type']], [200, 'application/json']);
    assert.equal(expected.status, 200);
    const [wanted, given] = [fieldsOf(expected.json()), fieldsOf(actual.json())];
    const names = new Set([...wanted.keys(), ...given.keys()]);
    const wrong = [...names]
      .filter((name) => wanted.get(name) !== given.get(name) && !isIntended(page, name))
      .map((name) => `${name}: ${wanted.get(name)} there, ${given.get(name)} here`);
    assert.deepEqual(wrong, []);
    if (page !== 'healthz' && !page.startsWith('healthz'))
      assert.match(actual.text, /^\{\n {2}"/, 'two blanks');
  });
}

async function both(page: string, method = 'GET'): Promise<[Answer, Answer]> {
  return await Promise.all([ask(`${theirs}/${page}`, { method }), ask(`${ours}/${page}`, { method })]);
}

const WRONG = [
  'connz?sort=x',
  'connz?sort=stop',
  'connz?sort=reason&state=open',
  'connz?limit=a',
  'connz?limit=99999999999999999999',
  'connz?offset=1.5',
  'connz?state=x',
  'connz?cid=a',
  'connz?cid=-1',
  'connz?subs=x',
  'connz?auth=yes',
  'subsz?subs=x',
  'subsz?limit=x',
  'subsz?test=a.*',
  'subsz?test=a..b',
  'accountz?acc=nobody',
  'accstatz?unused=x',
  'routez?subs=x',
  'gatewayz?accs=x',
  'leafz?subs=x',
  'jsz?streams=x',
  'jsz?limit=x',
  'healthz?js-enabled-only=x',
  'healthz?js-server-only=x',
];
for (const page of WRONG) {
  test(`checklist 108: /${page} is refused in nats-server's words`, async () => {
    const [expected, actual] = await both(page);
    assert.deepEqual(
      [actual.status, actual.text, actual.headers['content-type']],
      [expected.status, expected.text, expected.headers['content-type']],
    );
    assert.equal(actual.status, 400);
  });
}

test('checklist 108: unknown paths are answered as nats-server answers them', async () => {
  for (const page of ['nothing', 'varz/', 'varz/x', 'VARZ']) {
    const [expected, actual] = await both(page);
    assert.deepEqual([actual.status, actual.text], [expected.status, expected.text], page);
  }
});

/** nats-server lists names in any order. */
function sorted(value: unknown): unknown {
  const areNames = Array.isArray(value) && value.every((one) => typeof one === 'string');
  return areNames ? [...value].sort() : value;
}

/** What must be equal after equal traffic, page by page. */
const EQUAL: Readonly<Record<string, readonly string[]>> = {
  varz: [
    ...[
      'server_name',
      'proto',
      'max_connections',
      'max_control_line',
      'max_payload',
      'max_pending',
      'auth_timeout',
    ],
    ...[
      'tls_timeout',
      'write_deadline',
      'connections',
      'total_connections',
      'routes',
      'remotes',
      'leafnodes',
      'in_msgs',
    ],
    ...[
      'out_msgs',
      'in_bytes',
      'out_bytes',
      'slow_consumers',
      'https_port',
      'http_host',
      'http_base_path',
      'host',
    ],
    ...['cores', 'system_account'],
  ],
  connz: ['num_connections', 'total', 'offset', 'limit'],
  'connz?limit=0&offset=-5': ['num_connections', 'total', 'offset', 'limit'],
  'connz?offset=1': ['num_connections', 'total', 'offset', 'limit', 'connections'],
  'connz?cid=999999': ['num_connections', 'total', 'offset', 'limit', 'connections'],
  'connz?user=nobody': ['num_connections', 'total', 'offset', 'limit', 'connections'],
  'connz?state=any': ['num_connections', 'total'],
  'subsz?subs=1&test=c.x': ['total', 'offset', 'limit'],
  accstatz: ['account_statz'],
  accountz: ['accounts', 'system_account'],
};
for (const [page, names] of Object.entries(EQUAL)) {
  test(`monitoring: /${page} has the values of nats-server`, async () => {
    const [expected, actual] = await both(page);
    const pick = (answer: Answer) => names.map((name) => [name, sorted(answer.json()[name])]);
    assert.deepEqual(pick(actual), pick(expected));
  });
}

test('monitoring: connections have the values of nats-server', async () => {
  const FIELDS = [
    ...[
      'kind',
      'type',
      'ip',
      'pending_bytes',
      'in_msgs',
      'out_msgs',
      'in_bytes',
      'out_bytes',
      'subscriptions',
    ],
    ...['name', 'lang', 'version', 'reason', 'subscriptions_list'],
  ];
  for (const query of [
    'subs=1',
    'state=closed',
    'state=any&sort=msgs_to',
    'state=any&sort=bytes_from',
    'state=any&sort=subs',
  ]) {
    const [expected, actual] = await both(`connz?${query}`);
    const pick = (answer: Answer) =>
      (answer.json().connections as Readonly<Record<string, unknown>>[]).map((one) =>
        FIELDS.map((name) => sorted(one[name])),
      );
    assert.deepEqual(pick(actual), pick(expected), query);
  }
});

test('monitoring: HEAD is answered without a body, and requests are counted by page', async () => {
  const counted = async (url: string) =>
    (await ask(`${url}/varz`)).json<{ http_req_stats: Record<string, number> }>().http_req_stats['/leafz'] ??
    0;
  const before = [await counted(theirs), await counted(ours)];
  await both('leafz');
  await both('leafz?subs=1');
  assert.deepEqual(
    [(await counted(theirs)) - Number(before[0]), (await counted(ours)) - Number(before[1])],
    [2, 2],
  );
  const [expected, actual] = await both('varz', 'HEAD');
  assert.deepEqual([actual.status, actual.text], [expected.status, '']);
});

test('monitoring: what is said to be different is different', async () => {
  const [jsonp, plain] = await both('connz?callback=f');
  assert.match(jsonp.text, /^f\(/);
  assert.match(plain.text, /^\{/);
  const [posted, refused] = await both('varz', 'POST');
  assert.deepEqual([posted.status, refused.status], [200, 404]);
  const [stacks, none] = await both('stacksz');
  assert.deepEqual([stacks.status, none.status], [200, 404]);
  const [nobody, empty] = await both('connz?acc=nobody');
  assert.deepEqual([nobody.json().connections, empty.json().connections], [null, []]);
});

test('checklist 109: closed connections say why, in the words of nats-server', async () => {
  for (const [server, url] of [[oracle, theirs] as const, [gateway, ours] as const]) {
    const broken = await connectRaw('127.0.0.1', server.port);
    broken.send('CONNECT {"verbose":false,"name":"broken"}\r\nPING\r\n');
    await broken.expect('PONG');
    broken.send('PUB a\r\n');
    await broken.closed();
    const reasons = async () => {
      const { connections } = (await ask(`${url}/connz?state=closed&sort=stop`)).json<{
        connections: { name?: string; reason: string }[];
      }>();
      return new Map(connections.map(({ name = '', reason }) => [name, reason]));
    };
    await waitFor(async () => (await reasons()).has('broken'), 5_000, 'the broken one to be remembered');
    assert.equal((await reasons()).get('broken'), 'Protocol Violation', url);
    assert.equal((await reasons()).get('leaves'), 'Client Closed', url);
  }
});

/** Last, because nobody is served afterwards. */
test('checklist 110: /healthz is ok, and no longer while the server is a lame duck', async () => {
  const [expected, actual] = await both('healthz');
  assert.deepEqual([actual.status, actual.text], [expected.status, expected.text]);
  assert.deepEqual([actual.status, actual.text], [200, '{"status":"ok"}']);
  process.kill(oracle.pid, 'SIGUSR2');
  gateway.signal('SIGUSR2');
  const isOver = async () => (await both('healthz')).every(({ status }) => status === 503);
  await waitFor(isOver, 5_000, 'both to be lame ducks');
  for (const answer of await both('healthz')) {
    assert.match(answer.text, /^\{"status":"(?:unavailable|error)","error":"./);
  }
});
