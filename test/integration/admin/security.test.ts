/** Who may do what over HTTP: the built program, asked the way browsers, scrapers and attackers ask. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import bcrypt from 'bcryptjs';
import type { AuditBody, Problem, SessionBody } from '../../../src/admin/api-types.ts';
import { type Answer, ask, basic, HTTP_ON_FREE_PORT, httpUrl } from '../../support/admin.ts';
import { TestAuthority } from '../../support/certs.ts';
import { freePort } from '../../support/free-port.ts';
import { type GatewayProcess, runCommand, startGatewayProcess } from '../../support/gateway-process.ts';
import { waitFor } from '../../support/wait-for.ts';

const PASSWORD = 'correct horse';
const TOKEN = 'a-token-of-the-scraper';
/** Refused at once, so the broker is known to be away; none of these tests needs it. */
const upstream = { url: 'mqtt://127.0.0.1:1', mode: 'per_client' };

let guarded: GatewayProcess;
let open: GatewayProcess;
let url: string;
let openUrl: string;
/** Has sent half of its headers at the start, and waits. */
let slow: Socket;
let slowEndedAfterMs = Number.NaN;

before(async () => {
  guarded = await startGatewayProcess({
    settings: {
      upstream,
      http: {
        ...HTTP_ON_FREE_PORT,
        users: [
          { name: 'ann', password: PASSWORD },
          { name: 'bob', password: bcrypt.hashSync('hashed', 4) },
        ],
        tokens: [{ name: 'prometheus', token: TOKEN }],
      },
    },
  });
  open = await startGatewayProcess({ settings: { upstream, http: HTTP_ON_FREE_PORT } });
  url = httpUrl(guarded);
  openUrl = httpUrl(open);
  const socket = connect(Number(new URL(openUrl).port), '127.0.0.1').on('error', () => {});
  socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\nX-');
  socket.resume();
  const startedMs = performance.now();
  slow = socket.once('close', () => {
    slowEndedAfterMs = performance.now() - startedMs;
  });
});
after(async () => {
  await Promise.all([guarded.stop(), open.stop()]);
});

const AUDIT = '/api/v1/audit';

async function logIn(
  user = 'ann',
  password = PASSWORD,
): Promise<{ cookie: string; body: SessionBody; answer: Answer }> {
  const answer = await ask(`${url}/api/v1/session`, { method: 'POST', body: { user, password } });
  const cookie = String(answer.headers['set-cookie']?.[0] ?? '').split(';')[0] ?? '';
  return { cookie, body: answer.json<SessionBody>(), answer };
}

test('admin: only the probes answer those without credentials', async () => {
  for (const path of ['/livez', '/healthz', '/readyz']) {
    assert.notEqual((await ask(url + path)).status, 401, path);
  }
  for (const path of ['/varz', '/connz', '/metrics', '/subsz', AUDIT]) {
    const answer = await ask(url + path);
    assert.equal(answer.status, 401, path);
    assert.match(
      String(answer.headers['www-authenticate']),
      path === AUDIT ? /^Bearer$/ : /^Basic realm=/,
      path,
    );
  }
});

test('admin: passwords, bcrypt hashes and tokens are accepted; anything near them is not', async () => {
  const accepted = [basic('ann', PASSWORD), basic('bob', 'hashed'), { authorization: `Bearer ${TOKEN}` }];
  for (const headers of accepted) assert.equal((await ask(`${url}/varz`, { headers })).status, 200);
  const refused = [
    basic('ann', 'hashed'),
    basic('ann', ''),
    basic('bob', PASSWORD),
    basic('prometheus', TOKEN),
    { authorization: `Bearer ${TOKEN}x` },
    { authorization: `Bearer ${PASSWORD}` },
    { authorization: 'Basic !!!' },
    { authorization: 'Negotiate abc' },
  ];
  for (const headers of refused)
    assert.equal((await ask(`${url}/varz`, { headers })).status, 401, headers.authorization);
});

test('admin: a log-in gives a cookie no script can read, and a token for changes', async () => {
  const before = (await ask(`${url}/api/v1/session`)).json<SessionBody>();
  assert.deepEqual(before, { isRequired: true, user: null, csrfToken: null });
  const { cookie, body, answer } = await logIn();
  assert.equal(answer.status, 200);
  assert.match(String(answer.headers['set-cookie']), /HttpOnly; SameSite=Strict/);
  assert.equal(body.user, 'ann');
  assert.ok((body.csrfToken?.length ?? 0) > 20);
  assert.equal((await ask(url + AUDIT, { headers: { cookie } })).status, 200);
  assert.deepEqual((await ask(`${url}/api/v1/session`, { headers: { cookie } })).json(), body);
});

test('admin: changes by cookie need the token, and a log-out ends the session', async () => {
  const { cookie, body } = await logIn();
  const logOut = (headers: Record<string, string>) =>
    ask(`${url}/api/v1/session`, { method: 'DELETE', headers: { cookie, ...headers } });
  assert.equal((await logOut({})).status, 403);
  assert.equal((await logOut({ 'x-csrf-token': 'wrong' })).status, 403);
  const another = await logIn();
  assert.equal(
    (await logOut({ 'x-csrf-token': String(another.body.csrfToken) })).status,
    403,
    'of another session',
  );
  assert.equal((await ask(url + AUDIT, { headers: { cookie } })).status, 200, 'it has not ended');
  assert.equal((await logOut({ 'x-csrf-token': String(body.csrfToken) })).status, 200);
  assert.equal((await ask(url + AUDIT, { headers: { cookie } })).status, 401);
});

test('admin: a name that is not ours, as of a page that points at this machine, is refused', async () => {
  for (const host of ['evil.example', 'evil.example:8222', '127.0.0.1.evil.example', 'a b'])
    assert.ok([400, 421].includes((await ask(openUrl + AUDIT, { headers: { host } })).status), host);
  for (const host of ['localhost', 'localhost:1', '127.0.0.1:8222', '[::1]:8222', '10.1.2.3'])
    assert.equal((await ask(openUrl + AUDIT, { headers: { host } })).status, 200, host);
});

test('admin: changes that another web page asks for are refused', async () => {
  const body = { user: 'ann', password: PASSWORD };
  const post = (target: string, headers: Record<string, string>) =>
    ask(`${target}/api/v1/session`, { method: 'POST', body, headers });
  for (const target of [url, openUrl]) {
    assert.equal((await post(target, { origin: 'https://evil.example' })).status, 403);
    assert.equal((await post(target, { origin: 'null' })).status, 403);
    assert.equal((await post(target, { 'sec-fetch-site': 'cross-site' })).status, 403);
    assert.equal((await post(target, { 'sec-fetch-site': 'same-site' })).status, 403);
    assert.equal((await post(target, { origin: target, 'sec-fetch-site': 'same-origin' })).status, 200);
    // What a form can send without being asked for permission first.
    assert.equal((await post(target, { 'content-type': 'text/plain' })).status, 415);
    assert.equal((await post(target, { 'content-type': 'application/x-www-form-urlencoded' })).status, 415);
  }
});

test('admin: every answer has the headers that keep other pages out', async () => {
  for (const path of ['/livez', '/varz', AUDIT, '/nothing', '/']) {
    const { headers } = await ask(url + path);
    assert.match(String(headers['content-security-policy']), /default-src 'none'/, path);
    assert.match(String(headers['content-security-policy']), /frame-ancestors 'none'/, path);
    assert.equal(headers['x-content-type-options'], 'nosniff', path);
    assert.equal(headers['x-frame-options'], 'DENY', path);
    assert.equal(headers['access-control-allow-origin'], undefined, path);
  }
  const page = await ask(`${openUrl}/varz`);
  assert.equal(page.headers['access-control-allow-origin'], '*', 'as on the pages of nats-server');
});

test('admin: too much and too strange requests are refused', async () => {
  const post = (body: string) => ask(`${url}/api/v1/session`, { method: 'POST', body });
  assert.equal((await post(JSON.stringify({ user: 'ann', password: 'x'.repeat(2_000_000) }))).status, 413);
  assert.equal((await post('{ not json')).status, 400);
  const wrong = (await post('{"user":"ann","more":1}')).json<Problem>();
  assert.equal(wrong.status, 400);
  assert.deepEqual(wrong.errors?.map(({ path }) => path).sort(), ['more', 'password']);
  assert.equal((await ask(`${url}/varz`, { headers: { 'x-long': 'x'.repeat(20_000) } })).status, 431);
  const { hostname, port } = new URL(url);
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes.toString();
    });
    socket.on('error', reject).on('close', () => resolve(text));
    socket.end('GET / HTTP/1.1\r\nBROKEN\r\n\r\n');
  });
  assert.match(answer, /^HTTP\/1\.1 400/);
});

test('admin: no secret is in the log', async () => {
  await logIn();
  await ask(`${url}/varz`, { headers: basic('ann', 'some other password') });
  const log = guarded.stdout + guarded.stderr;
  for (const secret of [PASSWORD, TOKEN, 'some other password', 'nmg_session='])
    assert.ok(!log.includes(secret), secret);
  assert.match(log, /"event":"admin\.login_failed"/);
  assert.match(log, /"event":"admin\.change"/);
});

test('admin: an address that others can reach needs credentials, or the program does not start', async () => {
  const run = await runCommand([
    'serve',
    '--set',
    'http.bind=0.0.0.0:0',
    '--set',
    'upstream.url=mqtt://127.0.0.1:1',
  ]);
  assert.equal(run.code, 78);
  assert.match(run.stderr, /http\.bind can be reached from other machines/);
  assert.match(run.stderr, /http\.users or http\.tokens/);
});

test('admin: a port that is taken ends the start with 69, and the words name the setting', async () => {
  const taken = new URL(url).host;
  const listener = await freePort();
  const run = await runCommand([
    'serve',
    '--set',
    `listeners[0].bind=127.0.0.1:${listener}`,
    '--set',
    'upstream.url=mqtt://127.0.0.1:1',
    '--set',
    `http.bind=${taken}`,
  ]);
  assert.equal(run.code, 69);
  assert.match(run.stderr, /http\.bind/);
  assert.match(run.stderr, /the flag -m/);
  assert.match(run.stderr, / -m 8333$/m);
  assert.match(run.stderr, /taken by another program/);
});

test('admin: TLS, with a cookie that only travels over TLS, under a path of its own', async () => {
  const authority = new TestAuthority();
  const certificate = authority.issue({ subject: '/CN=localhost', names: 'DNS:localhost,IP:127.0.0.1' });
  const gateway = await startGatewayProcess({
    settings: {
      upstream,
      http: {
        ...HTTP_ON_FREE_PORT,
        base_path: '/ops',
        users: [{ name: 'ann', password: PASSWORD }],
        tls: { cert_file: certificate.certFile, key_file: certificate.keyFile },
      },
    },
  });
  try {
    const { origin: base, pathname } = new URL(httpUrl(gateway));
    assert.match(base, /^https:/);
    assert.equal(pathname, '/ops');
    const [started] = gateway.logLines('admin.started');
    assert.equal(
      started?.msg,
      `Dashboard, metrics and admin API are at ${base}/ops/`,
      'as people look for it',
    );
    const ca = authority.ca;
    assert.equal((await ask(`${base}/livez`, { ca })).status, 404);
    const answer = await ask(`${base}/ops/api/v1/session`, {
      method: 'POST',
      body: { user: 'ann', password: PASSWORD },
      ca,
    });
    assert.equal(answer.status, 200);
    assert.match(String(answer.headers['set-cookie']), /^__Host-nmg_session=.*; Secure/);
    const cookie = String(answer.headers['set-cookie']?.[0]).split(';')[0] ?? '';
    const page = await ask(`${base}/ops/varz`, { ca, headers: { cookie } });
    const { http_port: plain, https_port: secure, http_base_path: path } = page.json();
    assert.deepEqual([plain, secure, path], [0, Number(new URL(base).port), '/ops']);
  } finally {
    await gateway.stop();
    authority.remove();
  }
});

test('admin: the server is the last to go, and goes in time', async () => {
  const gateway = await startGatewayProcess({ settings: { upstream, http: HTTP_ON_FREE_PORT } });
  const base = httpUrl(gateway);
  const { hostname, port } = new URL(base);
  // One that holds its connection open must not hold the program up.
  const idle = connect(Number(port), hostname);
  await new Promise((resolve) => idle.once('connect', resolve));
  idle.on('error', () => {});
  const exit = await gateway.stop();
  assert.equal(exit.code, 0);
  await waitFor(() => idle.destroyed || idle.closed, 2_000, 'the idle connection to be closed');
  await assert.rejects(ask(`${base}/livez`));
});

// Afterwards this address has to wait, so these are the last ones.
test('admin: wrong log-ins are problems, are noted, and become slow', async () => {
  const startedMs = performance.now();
  for (let i = 0; i < 3; i++) assert.equal((await logIn('ann', `guess ${i}`)).answer.status, 401);
  assert.ok(performance.now() - startedMs > 300, 'the last ones had to wait');
  const { answer } = await logIn('nobody', 'x');
  assert.match(String(answer.headers['content-type']), /^application\/problem\+json/);
  assert.equal(answer.json<Problem>().status, 401);
  const headers = { cookie: (await logIn()).cookie };
  const { entries } = (await ask(`${url + AUDIT}?limit=1000`, { headers })).json<AuditBody>();
  assert.deepEqual(
    entries.slice(0, 1).map(({ by, address, action, outcome }) => [by, address, action, outcome]),
    [['ann', '127.0.0.1', 'log in', 'done']],
  );
  assert.ok(
    entries.every(({ by, outcome }) => by === 'ann' && outcome === 'done'),
    'guesses do not push changes out',
  );
  assert.ok(guarded.logLines('admin.login_failed').some(({ user }) => user === 'ann'));
});

test('admin: more checks at a time than one address may have are refused', async () => {
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => ask(`${url}/varz`, { headers: basic('ann', 'no') })),
  );
  const tooMany = answers.filter(({ status }) => status === 429);
  assert.ok(tooMany.length > 0 && tooMany.length < 40);
  assert.equal(tooMany[0]?.headers['retry-after'], '1');
  assert.ok(answers.every(({ status }) => status === 429 || status === 401));
});

/** Last, so that the time has passed meanwhile. */
test('admin: who sends its request too slowly is cut off', async () => {
  await waitFor(() => slow.closed, 20_000, 'the slow connection to be closed');
  assert.ok(slowEndedAfterMs > 5_000 && slowEndedAfterMs < 15_000, `after ${slowEndedAfterMs} ms`);
});
