import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { CommandFailure } from '../../../src/cli/command-failure.ts';
import { type HealthTarget, healthcheckText } from '../../../src/cli/healthcheck.ts';
import { TestAuthority } from '../../support/certs.ts';

const servers: Server[] = [];
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

const answering =
  (status: number, body: unknown = {}): RequestListener =>
  (_request, response) => {
    response.writeHead(status).end(JSON.stringify(body));
  };

const at = (port: number, more: Partial<HealthTarget> = {}): HealthTarget => ({
  address: { host: '127.0.0.1', port },
  basePath: '',
  tls: null,
  ...more,
});

async function failure(target: HealthTarget, isLive = false): Promise<string> {
  const error = await healthcheckText(target, isLive).then(
    (text) => assert.fail(text),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CommandFailure);
  assert.doesNotMatch(error.message, /\n/);
  return error.message;
}

test('healthcheck: asks for readiness, or with --live whether it runs, under the base path', async () => {
  const paths: (string | undefined)[] = [];
  const port = await listen(
    createServer((request, response) => {
      paths.push(request.url);
      response.end('{}');
    }),
  );
  assert.equal(await healthcheckText(at(port), false), 'the gateway is ready\n');
  assert.equal(await healthcheckText(at(port, { basePath: '/gw' }), true), 'the gateway runs\n');
  assert.deepEqual(paths, ['/readyz', '/gw/livez']);
});

test('healthcheck: says why it is not ready, on one line', async () => {
  const reasons = ['the broker cannot be reached: ECONNREFUSED', 'a\nb'];
  const port = await listen(createServer(answering(503, { reasons })));
  assert.equal(await failure(at(port)), `not ready: ${reasons[0]}; a b`);
  const strange = await listen(createServer((_request, response) => response.writeHead(503).end('<html>')));
  assert.equal(await failure(at(strange)), 'not ready: <html>');
});

test('healthcheck: other answers, and none', async () => {
  const locked = await listen(createServer(answering(401)));
  assert.match(await failure(at(locked)), /status 401; http\.open does not hold "probes"/);
  const other = await listen(createServer(answering(404)));
  assert.match(await failure(at(other)), /readyz answers with status 404$/);
  const closing = await listen(createServer((request) => request.socket.destroy()));
  assert.match(await failure(at(closing)), /cannot be reached: the connection was closed/);
  const endless = await listen(createServer((_request, response) => void response.end('x'.repeat(200_000))));
  assert.match(await failure(at(endless)), /the answer is too long/);
  const silent = await listen(createServer(() => {}));
  assert.match(await failure(at(silent)), /no answer within 3 seconds/);
  const gone = await listen(createServer());
  await new Promise((resolve) => servers.pop()?.close(resolve));
  assert.match(await failure(at(gone)), /cannot be reached: nobody listens there/);
  assert.match(await failure({ address: null, basePath: '', tls: null }), /http\.bind is "off"/);
});

for (const [bind, listensOn] of [
  ['0.0.0.0', '127.0.0.1'],
  ['', '127.0.0.1'],
  ['::', '::1'],
  ['::1', '::1'],
  ['localhost', '127.0.0.1'],
] as const) {
  test(`healthcheck: reaches a server that is bound to "${bind}"`, async () => {
    const port = await listen(createServer(answering(200)), listensOn);
    await healthcheckText({ address: { host: bind, port }, basePath: '', tls: null }, false);
  });
}

test('healthcheck: speaks TLS where the server does, whatever name its certificate has', async () => {
  const authority = new TestAuthority();
  const { cert, key } = authority.issue({ subject: '/CN=gw.example', names: 'DNS:gw.example' });
  authority.remove();
  const port = await listen(createTlsServer({ cert, key }, answering(200)));
  assert.equal(await healthcheckText(at(port, { tls: {} }), false), 'the gateway is ready\n');
});
