/** Who must be refused: by a chain of methods, by the transport, by the address. Each refusal has a neighbour that is let in. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { TestAuthority } from '../../support/certs.ts';
import { startMosquitto } from '../../support/mosquitto.ts';
import { connectRaw, connectRawWebSocket } from '../../support/raw-client.ts';
import { connectRawTls } from '../../support/raw-tls.ts';
import { Scene } from '../../support/scene.ts';

const CHAIN = [
  { method: 'built_in', users: [{ user: 'ann', password: 'ann-pass' }, { user: 'guest' }] },
  { method: 'token', token: 'right-token' },
];
const SETTINGS = { client_info: { username: '', password: '' }, auth_failure_delay: '0s' };
const authority = new TestAuthority();
const server = authority.issue();
let scene: Scene;

before(async () => {
  scene = await Scene.start(await startMosquitto(), {
    ...SETTINGS,
    authentication: CHAIN,
    no_auth_user: 'guest',
  });
});
afterEach(() => scene.closeClients());
after(async () => {
  await scene.stop();
  authority.remove();
});

/** Credentials that are wrong; the empty ones are the guest's and tried with the right ones. */
const WRONG: readonly object[] = [
  { user: 'ann' },
  { user: 'ann', pass: '' },
  { user: 'ann', pass: 'ann-pass ' },
  { user: 'ann', pass: 'right-token' },
  { user: 'Ann', pass: 'ann-pass' },
  { user: '\u0430nn', pass: 'ann-pass' },
  { user: 'ann\u200b', pass: 'ann-pass' },
  { user: 'a'.repeat(3_000), pass: 'ann-pass' },
  { user: 'ann', pass: 'p'.repeat(3_000) },
  { auth_token: 'ann-pass' },
  { auth_token: 'right-tokem' },
  { pass: 'ann-pass' },
];

test('refusals: a chain with a guest lets nobody in whose credentials are wrong', async () => {
  for (const right of [{}, { user: 'ann', pass: 'ann-pass' }, { auth_token: 'right-token' }])
    await scene.raw(right);
  for (const wrong of WRONG) {
    const client = await scene.greeted();
    client.send(`CONNECT ${JSON.stringify({ verbose: false, ...wrong })}\r\nPING\r\n`);
    const told = (await client.closed()).leftover.toString();
    assert.equal(told, "-ERR 'Authorization Violation'\r\n", JSON.stringify(wrong).slice(0, 80));
  }
});

test('refusals: a plain client gets nothing from a listener that requires TLS', async () => {
  const tls = { cert_file: server.certFile, key_file: server.keyFile };
  const listeners = [{ name: 'tls', type: 'tls', bind: '127.0.0.1:0', tls }];
  const gateway = await scene.otherGateway({ ...SETTINGS, authentication: CHAIN, listeners });
  const connect = 'CONNECT {"verbose":false,"user":"ann","pass":"ann-pass"}\r\nPING\r\n';
  const { client } = await connectRawTls(gateway.host, gateway.port, { ca: authority.ca });
  client.send(connect);
  await client.expect('PONG\r\n');
  await client.close();
  const plain = await connectRaw(gateway.host, gateway.port);
  plain.send(connect);
  assert.doesNotMatch((await plain.closed()).leftover.toString('latin1'), /PONG|\+OK/);
});

test('refusals: X-Forwarded-For counts only when a trusted proxy has written it', async () => {
  for (const trusted of [true, false]) {
    const websocket = { trusted_proxies: trusted ? ['127.0.0.1'] : [] };
    const rules = ['allow 10.0.0.1', 'deny all'];
    const listeners = [{ name: 'ws', type: 'ws', bind: '127.0.0.1:0', access_rules: rules, websocket }];
    const gateway = await scene.otherGateway({ ...SETTINGS, listeners });
    const options = { headers: { 'X-Forwarded-For': '10.0.0.1' } };
    if (trusted) await scene.rawWebSocket({}, gateway, options);
    else await assert.rejects(connectRawWebSocket(gateway.wsUrl, options));
  }
});
