/** What the tokens of NATS grant and limit, seen by real clients of the whole gateway. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { startMosquitto } from '../../support/mosquitto.ts';
import {
  type Holder,
  makeAccount,
  makeOperator,
  makeUser,
  signed,
  type TokenOptions,
} from '../../support/nats-operator.ts';
import { connectRawWebSocket, type RawClient } from '../../support/raw-client.ts';
import { Scene } from '../../support/scene.ts';

const operator = await makeOperator();
const account = await makeAccount(operator.pair, {
  body: { default_permissions: { sub: { deny: ['closed'] } } },
});
const scene = await Scene.start(await startMosquitto({}), {
  client_info: { username: '', password: '' },
  authentication: [
    { method: 'nats_jwt', trusted_operators: [operator.token], resolver: { preload: [account.token] } },
  ],
});
afterEach(() => scene.closeClients());
after(() => scene.stop());

async function connected(
  options: TokenOptions = {},
  open: () => Promise<RawClient> = () => scene.greeted(),
): Promise<RawClient> {
  const user: Holder = await makeUser(account.pair, options);
  const client = await open();
  const sig = signed(String(client.info.nonce), user.pair);
  client.send(`CONNECT ${JSON.stringify({ verbose: false, jwt: user.token, sig })}\r\nPING\r\n`);
  return client;
}

test('operator mode: a client is told and disconnected when its token expires', async () => {
  const exp = Math.floor(Date.now() / 1000) + 2;
  const client = await connected({ claims: { exp } });
  await client.readUntil('PONG\r\n');
  await client.readUntil("-ERR 'User Authentication Expired'\r\n");
  await client.closed();
  assert.ok(Date.now() >= exp * 1000 - 20 && Date.now() < exp * 1000 + 1000);
});

test('operator mode: without a limit on payloads in the token there are none', async () => {
  const client = await connected({ body: { payload: undefined } });
  await client.readUntil('PONG\r\n');
  client.send('PUB a 1\r\nx\r\nPING\r\n');
  await client.readUntil("-ERR 'Maximum Payload Violation'\r\n");
  await client.closed();
});

test('operator mode: as many subscriptions as the token says', async () => {
  const client = await connected({ body: { subs: 1 } });
  await client.readUntil('PONG\r\n');
  client.send('SUB a 1\r\nSUB b 2\r\n');
  await client.readUntil("-ERR 'maximum subscriptions exceeded'\r\n");
});

test('operator mode: a client is told its account', async () => {
  const user = await makeUser(account.pair);
  const client = await scene.greeted();
  const sig = signed(String(client.info.nonce), user.pair);
  const connect = { verbose: false, protocol: 1, jwt: user.token, sig };
  client.send(`CONNECT ${JSON.stringify(connect)}\r\nPING\r\n`);
  await client.readUntil(new RegExp(`INFO .*"remote_account":"${account.key}".*\r\n`));
  client.send('SUB me 1\r\nPUB $SYS.REQ.USER.INFO me 0\r\n\r\n');
  await client.readUntil(`"account":"${account.key}"`);
});

test('operator mode: permissions of the user', async () => {
  const client = await connected({ body: { pub: { allow: ['open.>'] } } });
  await client.readUntil('PONG\r\n');
  client.send('PUB other 0\r\n\r\nPING\r\n');
  await client.readUntil('-ERR \'Permissions Violation for Publish to "other"\'\r\n');
  // It has permissions, so that those of the account are not its own.
  client.send('SUB closed 1\r\nPUB open.a 0\r\n\r\nPING\r\n');
  await client.expect('PONG\r\nPONG\r\n');
});

test('operator mode: permissions of the account for users without', async () => {
  const client = await connected();
  await client.readUntil('PONG\r\n');
  client.send('SUB closed 1\r\n');
  await client.readUntil('-ERR \'Permissions Violation for Subscription to "closed"\'\r\n');
});

test('operator mode: WebSocket for those who may', async () => {
  const only = (type: string): TokenOptions => ({ body: { allowed_connection_types: [type] } });
  const open = (): Promise<RawClient> => connectRawWebSocket(scene.gateway.wsUrl);
  const webSocket = await connected(only('WEBSOCKET'), open);
  await webSocket.readUntil('PONG\r\n');
  await webSocket.close();
  await (await connected(only('STANDARD'), open)).readUntil("-ERR 'Authorization Violation'\r\n");
  await (await connected(only('WEBSOCKET'))).readUntil("-ERR 'Authorization Violation'\r\n");
});

test('operator mode: a signature is good for one connection only', async () => {
  const user = await makeUser(account.pair);
  const first = await scene.greeted();
  const sig = signed(String(first.info.nonce), user.pair);
  const hello = `CONNECT ${JSON.stringify({ verbose: false, jwt: user.token, sig })}\r\nPING\r\n`;
  first.send(hello);
  await first.readUntil('PONG\r\n');
  const second = await scene.greeted();
  assert.notEqual(second.info.nonce, first.info.nonce);
  second.send(hello);
  await second.readUntil("-ERR 'Authorization Violation'\r\n");
});
