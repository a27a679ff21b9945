/** The description of the API in OpenAPI 3.1, against the API itself. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { ask, basic } from '../../../support/admin.ts';
import {
  ADMIN_PASSWORD,
  type Administered,
  configText,
  startAdministered,
} from '../../../support/administered.ts';
import { type Mosquitto, startMosquitto } from '../../../support/mosquitto.ts';
import { connectNats } from '../../../support/nats.ts';
import { SchemaCheck } from '../../../support/schema-check.ts';

interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: unknown }[];
  readonly responses: Readonly<
    Record<
      string,
      { readonly description?: string; readonly content?: Record<string, { readonly schema: unknown }> }
    >
  >;
}

interface Description {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

const PREFIX = '/api/v1';
let broker: Mosquitto;
let admin: Administered;
let schemas: SchemaCheck;
let description: Description;

before(async () => {
  broker = await startMosquitto();
  const more = '\n  "authentication": [{ "method": "built_in", "users_file": "FOLDER/users.json" }],';
  const users = [{ user: 'ann', password: 'ann-secret' }];
  admin = await startAdministered({ text: configText(broker.url, more), users });
  schemas = await SchemaCheck.create();
  description = await admin.ok<Description>('GET', '/openapi.json');
});
after(async () => {
  await schemas.close();
  await admin.stop();
  await broker.stop();
});

function operations(): { path: string; method: string; operation: Operation }[] {
  return Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
}

/** Routes as the table of the contract names them. */
function contractRoutes(): string[] {
  const contract = readFileSync(new URL('../../../../src/admin/api-types.ts', import.meta.url), 'utf8');
  const rows = contract.split('\n').filter((line) => /^ \* \| `(GET|POST|PUT|PATCH|DELETE) /.test(line));
  return rows.flatMap((row) => {
    const cell = row.split('|')[1] ?? '';
    const named = [...cell.matchAll(/`(?:(GET|POST|PUT|PATCH|DELETE) )?(\/[\w/:.-]+)`/g)];
    return named.map(([, method, path]) => {
      const first = named[0]?.[1] ?? '';
      return `${method ?? first} ${(path ?? '').replaceAll(/:(\w+)/g, '{$1}')}`;
    });
  });
}

test('api description: every route of the contract is described, and every described one is in the contract', () => {
  const described = operations().map(({ path, method }) => `${method} ${path.slice(PREFIX.length)}`);
  const contract = contractRoutes();
  assert.ok(contract.length > 25, contract.join());
  assert.deepEqual(described.filter((route) => !route.startsWith('HEAD ')).sort(), contract.sort());
});

test('api description: it is OpenAPI 3.1, and says of each route what it does and what can go wrong', () => {
  assert.match(description.openapi, /^3\.1\./);
  for (const { path, method, operation } of operations()) {
    const route = `${method} ${path}`;
    assert.ok(operation.summary, route);
    assert.equal(operation.tags?.length, 1, route);
    const statuses = Object.keys(operation.responses);
    assert.ok(
      statuses.some((status) => status.startsWith('2')),
      route,
    );
    assert.ok(statuses.includes('500') && statuses.includes('400'), route);
    for (const [status, { description, content = {} }] of Object.entries(operation.responses)) {
      assert.ok(description, `${route} ${status}`);
      if (status >= '400') assert.ok(content['application/problem+json'], `${route} ${status}`);
    }
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const parameters = operation.parameters ?? [];
    assert.deepEqual(
      parameters.filter((one) => one.in === 'path').map(({ name }) => name),
      named,
      route,
    );
  }
});

test('api description: every described route exists, and refuses who shows no credentials', async () => {
  for (const { path, method } of operations()) {
    if (path.endsWith('/session')) continue;
    const url = admin.url(path.slice(PREFIX.length).replaceAll(/\{\w+\}/g, '1'));
    const answer = await ask(url, { method });
    assert.equal(answer.status, 401, `${method} ${path}`);
  }
});

test('api description: what is answered is what the schemas say, down to the last property', async () => {
  const client = await connectNats(admin.gateway, { user: 'ann', pass: 'ann-secret' });
  client.subscribe('a.*', { queue: 'q' });
  await client.flush();
  const cid = String(client.info?.client_id);
  const routes = ['/status', '/clients', '/clients/{cid}', '/listeners', '/upstream', '/certificates'];
  routes.push('/settings', '/authentication', '/users', '/audit', '/session');
  for (const route of routes) {
    const schema = schemaOf(route, 'get', '200');
    const value = await admin.ok('GET', route.replace('{cid}', cid));
    assert.deepEqual(await schemas.errors(schema, value), [], route);
  }
  const changes: [string, string, string, unknown][] = [
    ['patch', '/settings', '200', { changes: { max_payload: '2MB' } }],
    ['post', '/reload', '200', undefined],
    ['post', '/users', '201', { user: 'eve', password: 'eve-secret' }],
    ['post', '/users/import', '200', { format: 'json', content: '[{ "user_id": "" }]' }],
    ['post', '/authentication/test', '200', { credentials: { user: 'ann', pass: 'ann-secret' } }],
    ['post', '/taps', '201', { durationMs: 100, maxPerSecond: 1, payloadBytes: 0 }],
    ['post', '/clients/kick', '200', { user: 'nobody' }],
  ];
  for (const [method, route, status, body] of changes) {
    const answer = await admin.ask(method.toUpperCase(), route, body);
    assert.equal(String(answer.status), status, `${route}: ${answer.text}`);
    assert.deepEqual(await schemas.errors(schemaOf(route, method, status), answer.json()), [], route);
  }
  await client.close();
});

function schemaOf(route: string, method: string, status: string): unknown {
  const content = description.paths[PREFIX + route]?.[method]?.responses[status]?.content;
  assert.ok(content, `${method} ${route} ${status}`);
  return (content['application/json'] ?? content['application/problem+json'])?.schema;
}

test('api problems: whatever is wrong is told in the same form, with the place of the mistake', async () => {
  const cases: [number, string, string, unknown, string?][] = [
    [404, 'GET', '/nothing', undefined],
    [404, 'GET', '/clients/99', undefined],
    [404, 'DELETE', '/clients/99', undefined],
    [404, 'GET', '/taps/none/events', undefined],
    [400, 'GET', '/clients?limit=0', undefined, 'limit'],
    [400, 'GET', '/clients?colour=red', undefined, 'colour'],
    [400, 'GET', '/status?verbose=1', undefined, 'verbose'],
    [400, 'GET', '/clients?sort=beauty', undefined, 'sort'],
    [400, 'GET', '/clients/abc', undefined, 'cid'],
    [400, 'PATCH', '/settings', {}, 'changes'],
    [400, 'PATCH', '/settings', '{'],
    [400, 'POST', '/users', { user: 'x', colour: 1, password: 'y' }, 'colour'],
    [400, 'POST', '/taps', { durationMs: 1, maxPerSecond: 0, payloadBytes: 0 }, 'maxPerSecond'],
    [400, 'POST', '/taps', { durationMs: 1, maxPerSecond: 1, payloadBytes: 0, subject: 'a..b' }, 'subject'],
    [413, 'PATCH', '/settings', { changes: { mountpoint: 'x'.repeat(1024 * 1024) } }],
  ];
  const schema = schemaOf('/settings', 'patch', '400');
  for (const [status, method, path, body, place] of cases) {
    const problem = await admin.refused(method, path, body);
    assert.equal(problem.status, status, `${method} ${path}: ${JSON.stringify(problem)}`);
    assert.deepEqual(await schemas.errors(schema, problem), [], path);
    if (place !== undefined)
      assert.ok(
        problem.errors?.some((one) => one.path === place),
        JSON.stringify(problem),
      );
  }
  const headers = { ...basic('admin', ADMIN_PASSWORD), 'content-type': 'text/csv' };
  const csv = await ask(admin.url('/users/import'), { method: 'POST', headers, body: 'user_id' });
  assert.equal(csv.status, 415);
  assert.match(String(csv.headers['content-type']), /^application\/problem\+json/);
});
