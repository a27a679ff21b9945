/** The method `http` with a real backend and real clients. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { createHttpAuthenticator, type HttpSettings } from '../../../src/auth/authenticators/http.ts';
import { AuthBackend, type BackendRequest } from '../../support/auth-backend.ts';
import { authServices, credentials } from '../../support/credentials.ts';
import { FaultyProxy } from '../../support/faulty-proxy.ts';
import { ALL_FAULTS, testContract } from './contract.ts';

const PASSWORDS: Readonly<Record<string, string>> = { ann: 'ann-pass', bob: 'b&b="p/ss\\ ü' };

function judge({ body }: BackendRequest): { status: number; body: string } {
  const { username, password } = JSON.parse(body) as Record<string, string>;
  if (username === undefined || !Object.hasOwn(PASSWORDS, username)) {
    return { status: 200, body: '{"result":"ignore"}' };
  }
  const result = PASSWORDS[username] === password ? 'allow' : 'deny';
  return { status: 200, body: JSON.stringify({ result }) };
}

testContract(
  'http',
  async () => {
    const backend = await AuthBackend.start(judge);
    const proxy = await FaultyProxy.start({ port: backend.port });
    return {
      settings: {
        url: `http://127.0.0.1:${proxy.port}/auth`,
        headers: { authorization: 'Bearer backend-secret' },
      },
      good: [
        { name: 'ann', options: { user: 'ann', pass: 'ann-pass' }, identity: 'ann' },
        { name: 'bob', options: { user: 'bob', pass: PASSWORDS.bob ?? '' }, identity: 'bob' },
      ],
      bad: [
        { name: 'wrong password', options: { user: 'ann', pass: 'wrong-pass' } },
        { name: 'unknown user', options: { user: 'eve', pass: 'ann-pass' } },
        { name: 'injected', options: { user: 'eve","username":"ann', pass: 'ann-pass' } },
      ],
      secrets: ['ann-pass', 'wrong-pass', 'b&b=', 'backend-secret'],
      backend: {
        stop: async () => {
          await proxy.stop();
        },
        stall: async () => proxy.stall(),
        garble: async () => {
          backend.answer = () => ({ status: 200, body: '<html>ann-pass</html>', contentType: 'text/html' });
        },
        mend: async () => {
          backend.answer = judge;
          proxy.heal();
          await proxy.accept();
        },
      },
      stop: async () => {
        await proxy.stop();
        await backend.stop();
      },
    };
  },
  ALL_FAULTS,
);

const services = authServices();
let backend: AuthBackend;
before(async () => {
  backend = await AuthBackend.start(() => ({ status: 204 }));
});
afterEach(() => {
  backend.requests.length = 0;
  backend.answer = () => ({ status: 204 });
});
after(async () => {
  await services.close();
  await backend.stop();
});

const SETTINGS: Omit<HttpSettings, 'url'> = {
  verb: 'post',
  headers: {},
  body: { username: '${connect.user}', password: '${connect.pass}' },
  contentType: 'application/json',
  poolSize: 2,
  tls: { caFile: '', certFile: '', keyFile: '', serverName: '', isVerified: true },
};

const HOSTILE = 'a&b=c/../d?e#f g\r\nX-Evil: 1\0"ü%41';

async function ask(settings: Partial<HttpSettings>, shown = {}): Promise<BackendRequest> {
  const url = `http://127.0.0.1:${backend.port}/auth`;
  const method = await createHttpAuthenticator({ ...SETTINGS, url, ...settings }, services);
  try {
    await method.authenticate(credentials(shown), new AbortController().signal);
  } finally {
    await method.close();
  }
  assert.equal(backend.requests.length, 1);
  return backend.requests[0] as BackendRequest;
}

test('http: POST sends fields as JSON or as a form, whatever they hold', async () => {
  const json = await ask({}, { user: HOSTILE, pass: 'p' });
  assert.deepEqual(JSON.parse(json.body), { username: HOSTILE, password: 'p' });
  backend.requests.length = 0;
  const form = await ask({ contentType: 'application/x-www-form-urlencoded' }, { user: HOSTILE, pass: 'p' });
  assert.deepEqual(
    [...new URLSearchParams(form.body)],
    [
      ['username', HOSTILE],
      ['password', 'p'],
    ],
  );
});

test('http: GET sends fields in the query; values cannot leave their place in path and query', async () => {
  const url = `http://127.0.0.1:${backend.port}/auth/\${connect.user}?n=\${connect.name}`;
  const { verb, target, body } = await ask(
    { verb: 'get', url },
    { user: HOSTILE, pass: 'p', clientName: HOSTILE },
  );
  const seen = new URL(target, 'http://x');
  assert.deepEqual([verb, body], ['GET', '']);
  assert.equal(seen.pathname.split('/').length, 3);
  assert.equal(decodeURIComponent(seen.pathname.split('/')[2] ?? ''), HOSTILE);
  assert.deepEqual(
    [...seen.searchParams],
    [
      ['n', HOSTILE],
      ['username', HOSTILE],
      ['password', 'p'],
    ],
  );
});

test('http: a value that is only dots cannot climb up the path', async () => {
  const url = `http://127.0.0.1:${backend.port}/auth/\${connect.user}/check`;
  const method = await createHttpAuthenticator({ ...SETTINGS, url }, services);
  for (const user of ['.', '..']) {
    const verdict = await method.authenticate(credentials({ user }), new AbortController().signal);
    assert.equal(verdict.kind, 'reject');
  }
  await method.close();
  assert.deepEqual(backend.requests, []);
});

test('http: values cannot add a header', async () => {
  const { headers, rawHeaders } = await ask(
    { headers: { 'X-User': 'u=${connect.user}' } },
    { user: HOSTILE },
  );
  assert.equal(headers['x-evil'], undefined);
  assert.equal(decodeURIComponent(String(headers['x-user']).replace('%41', '%2541')), `u=${HOSTILE}`);
  assert.equal(rawHeaders.filter((name) => name.toLowerCase() === 'x-user').length, 1);
});

test('http: an answer that does not end is refused while it comes', async () => {
  backend.answer = () => ({
    status: 200,
    body: JSON.stringify({ result: 'allow', pad: 'x'.repeat(100_000) }),
  });
  await assert.rejects(ask({}), /longer than 65536 bytes/);
});

test('http: a redirect is not followed', async () => {
  backend.answer = () => ({ status: 302 });
  await assert.rejects(ask({}), /answered 302/);
});
