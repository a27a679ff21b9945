/**
 * Operator mode against a real nats-server: for the same users it decides as the gateway's method does, which the unit
 * test of the method asks the same questions.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { makeNatsJwtWorld, type NatsJwtCase } from '../support/nats-jwt-cases.ts';
import { startNatsServer } from '../support/nats-server.ts';
import { connectRaw, connectRawWebSocket } from '../support/raw-client.ts';

const world = await makeNatsJwtWorld();
const server = await startNatsServer({
  settings: {
    operator: world.operator.token,
    resolver: 'MEMORY',
    resolver_preload: Object.fromEntries(world.accounts.map(({ key, token }) => [key, token])),
  },
  websocket: true,
});
after(() => server.stop());

async function isAccepted({ jwt, sign, transport }: NatsJwtCase): Promise<boolean> {
  const client = await (transport === 'ws'
    ? connectRawWebSocket(server.wsUrl)
    : connectRaw(server.host, server.port));
  try {
    const sig = sign(String(client.info.nonce));
    client.send(`CONNECT ${JSON.stringify({ verbose: false, jwt, sig })}\r\nPING\r\n`);
    const answer = await client.expect(/(?:PONG|-ERR [^\r]*)\r\n/);
    // An account without connections is told so by nats-server; the gateway has one answer for everything.
    if (!answer.startsWith('PONG')) assert.match(answer, /Authorization Violation|active connections/);
    return answer.startsWith('PONG');
  } finally {
    client.reset();
  }
}

for (const example of world.cases) {
  const expected = example.serverAccepts ?? example.isAccepted;
  test(`nats-server: ${expected ? 'accepts' : 'denies'} ${example.name}`, async () => {
    assert.equal(await isAccepted(example), expected);
  });
}
