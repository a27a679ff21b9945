/**
 * The broker decides: NATS credentials are the MQTT session's, and Mosquitto's access list is what clients feel. In pooled
 * mode the gateway's own account is what the broker sees.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { AuthorizationError, TimeoutError } from '@nats-io/transport-node';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { collect } from '../support/nats.ts';
import { Scene } from '../support/scene.ts';
import { ScriptedBroker } from '../support/scripted-broker.ts';
import { testIn } from '../support/variants.ts';
import { waitFor } from '../support/wait-for.ts';

const USERS = { ann: 'a-Pass word=1', bob: 'b-pass', admin: 'admin', gate: 'g-pass' };

const ACL = `
user admin
topic readwrite #

user ann
topic readwrite ann/#
topic read shared/#
topic readwrite _INBOX/#
topic readwrite _NMG/#

user bob
topic readwrite bob/#
topic readwrite shared/#
topic readwrite _INBOX/#
`;

let scene: Scene<Mosquitto>;

before(async () => {
  scene = await Scene.start(await startMosquitto({ users: USERS, acl: ACL }));
});
afterEach(() => scene.closeClients());
after(() => scene.stop());

function as(user: keyof typeof USERS): { user: string; pass: string } {
  return { user, pass: USERS[user] };
}

testIn('per_client', 'credentials: INFO asks for them once the probe has been refused', async () => {
  const client = await scene.greeted();
  assert.equal(client.info.auth_required, true);
  const always = await scene.otherGateway({ upstream: { auth_required: false, probe: false } });
  assert.equal((await scene.greeted(always)).info.auth_required, undefined);
});

testIn('per_client', 'credentials: user and password go to the broker unchanged', async () => {
  const broker = await ScriptedBroker.start();
  const own = await Scene.start(broker, { upstream: { probe: false } });
  try {
    await own.raw({ user: 'ünser User', pass: 'p"w\\ö:🌡️' });
    await own.raw({ auth_token: 'tok' });
    await own.raw({ user: 'only-user' });
    const [both, , userOnly] = broker.packets('connect');
    assert.equal(both?.username, 'ünser User');
    assert.equal(both?.password?.toString(), 'p"w\\ö:🌡️');
    assert.match(both?.clientId ?? '', /^[0-9A-Za-z]{21}$/);
    assert.equal(userOnly?.username, 'only-user');
    assert.equal(userOnly?.password, undefined);
    assert.doesNotMatch(own.gateway.logText, /🌡️/);
  } finally {
    await own.stop();
  }
});

testIn(
  'per_client',
  'credentials: templates choose client id, user name and password; the second session has a suffix',
  async () => {
    const broker = await ScriptedBroker.start();
    const client_info = {
      client_id: 'nats-${connect.name}',
      username: '${connect.user}@${listener}',
      password: '${connect.auth_token}',
    };
    const own = await Scene.start(broker, { client_info, upstream: { probe: false, sessions: 'separate' } });
    try {
      const client = await own.raw({ name: 'c1', user: 'ann', auth_token: 'tok' });
      client.send('SUB a 1\r\nPUB b 1\r\nx\r\n');
      await client.pingPong();
      const seen = broker
        .packets('connect')
        .map((one) => [one.clientId, one.username, one.password?.toString()]);
      assert.deepEqual(seen, [
        ['nats-c1', 'ann@tcp', 'tok'],
        ['nats-c1-2', 'ann@tcp', 'tok'],
      ]);
    } finally {
      await own.stop();
    }
  },
);

testIn('per_client', 'credentials: a token alone goes as password with an empty user name', async () => {
  const broker = await ScriptedBroker.start();
  const client_info = { username: '', password: '${connect.auth_token}' };
  const own = await Scene.start(broker, { client_info, upstream: { probe: false } });
  try {
    await own.raw({ auth_token: 'tok' });
    const [connect] = broker.packets('connect');
    assert.equal(connect?.username, '');
    assert.equal(connect?.password?.toString(), 'tok');
  } finally {
    await own.stop();
  }
});

testIn(
  'per_client',
  'credentials: wrong ones are an Authorization Violation, and nothing else is said',
  async () => {
    for (const fields of [
      {},
      { user: 'ann', pass: 'wrong' },
      { user: 'ann' },
      { user: 'nobody', pass: 'x' },
    ]) {
      const client = await scene.greeted();
      client.send(`CONNECT ${JSON.stringify({ verbose: true, ...fields })}\r\nPING\r\nSUB a 1\r\n`);
      const { leftover } = await client.closed();
      assert.equal(leftover.toString(), "-ERR 'Authorization Violation'\r\n", JSON.stringify(fields));
    }
    await assert.rejects(scene.nats({ user: 'ann', pass: 'wrong' }), AuthorizationError);
    assert.doesNotMatch(scene.gateway.logText, /wrong/);
  },
);

testIn('per_client', 'credentials: an operation without CONNECT is refused at once', async () => {
  const client = await scene.greeted();
  client.send('PING\r\n');
  assert.equal((await client.closed()).leftover.toString(), "-ERR 'Authorization Violation'\r\n");
});

testIn('per_client', 'credentials: the right ones let nats.js in, and each user sees his own', async () => {
  const ann = await scene.nats(as('ann'));
  const bob = await scene.nats(as('bob'));
  const forAnn = await collect(ann, '>');
  const forBob = await collect(bob, '>');
  const admin = await scene.device({ username: 'admin', password: USERS.admin });
  for (const topic of ['ann/x', 'bob/x', 'shared/x', 'nobody/x']) await admin.publish(topic, topic);
  await Promise.all([forAnn.count(2), forBob.count(2)]);
  await Promise.all([ann.flush(), bob.flush()]);
  assert.deepEqual(forAnn.texts, ['ann/x', 'shared/x']);
  assert.deepEqual(forBob.texts, ['bob/x', 'shared/x']);
});

testIn(
  'per_client',
  'access list: a publication refused with QoS 1 is a Permissions Violation in place of the +OK',
  async () => {
    const admin = await scene.device({ username: 'admin', password: USERS.admin });
    await admin.subscribe('#');
    const ann = await scene.raw({ ...as('ann'), verbose: true });
    ann.send('PUB ann.x 1\r\na\r\nPUB bob.x 1\r\nb\r\nPUB shared.x 1\r\nc\r\n');
    await ann.expect(
      '+OK\r\n-ERR \'Permissions Violation for Publish to "bob.x"\'\r\n-ERR \'Permissions Violation for Publish to "shared.x"\'\r\n',
    );
    ann.send('PUB ann.after 1\r\nd\r\n');
    await ann.expect('+OK\r\n');
    assert.deepEqual([(await admin.next()).topic, (await admin.next()).topic], ['ann/x', 'ann/after']);
  },
);

testIn(
  'per_client',
  'access list: nats.js meets the refusal of a request as its permission error',
  async () => {
    const ann = await scene.nats(as('ann'));
    const errors: string[] = [];
    void (async () => {
      for await (const status of ann.status()) if (status.type === 'error') errors.push(String(status.error));
    })();
    await assert.rejects(ann.request('bob.service', '', { timeout: 1_000 }));
    await waitFor(() =>
      errors.some((text) => /Permissions Violation for Publish to "bob\.service"/.test(text)),
    );
    assert.equal(ann.isClosed(), false);
  },
);

testIn(
  'per_client',
  'access list: reading what is forbidden is silent, as Mosquitto decides at delivery',
  async () => {
    const ann = await scene.raw({ ...as('ann'), verbose: true });
    ann.send('SUB bob.> 1\r\nSUB ann.> 2\r\n');
    await ann.expect('+OK\r\n+OK\r\n');
    const bob = await scene.nats(as('bob'));
    bob.publish('bob.x', 'secret');
    await bob.flush();
    const admin = await scene.device({ username: 'admin', password: USERS.admin });
    await admin.publish('ann/x', 'fine');
    await ann.expect('MSG ann.x 2 4\r\nfine\r\n');
  },
);

testIn(
  'per_client',
  'access list: flush is right also where the list swallows the gateway’s marker',
  async () => {
    // Bob may not touch _NMG/#: the gateway falls back to PINGREQ and says so once.
    const bob = await scene.raw(as('bob'));
    bob.send('SUB bob.> 1\r\n');
    for (let round = 0; round < 5; round++) {
      bob.send(`PUB bob.${round} 1\r\nx\r\n`);
      assert.equal((await bob.pingPong()).toString(), `MSG bob.${round} 1 1\r\nx\r\nPONG\r\n`);
    }
  },
);

testIn(
  'per_client',
  'access list: requests between users work where topics and inboxes allow it',
  async () => {
    const ann = await scene.nats(as('ann'));
    const device = await scene.device({ username: 'admin', password: USERS.admin });
    await device.answer('ann/service', () => 'here');
    assert.equal((await ann.request('ann.service', '', { timeout: 3_000 })).string(), 'here');
    await assert.rejects(
      ann.request('ann.nobody', '', { timeout: 300 }),
      (error) => !(error instanceof TimeoutError),
    );
  },
);

test('access list: a refused SUBSCRIBE (SUBACK 0x87) is a Permissions Violation, the connection goes on', async () => {
  const broker = await ScriptedBroker.start({
    subackCode: (subscription, granted) => (/secret/.test(subscription.topic) ? 0x87 : granted),
  });
  const own = await Scene.start(broker, { upstream: { probe: false } });
  try {
    for (const verbose of [true, false]) {
      const client = await own.raw({ verbose });
      client.send('SUB secret.a 1\r\nSUB open 2\r\nSUB secret.b q 3\r\n');
      const ok = verbose ? '+OK\r\n' : '';
      await client.expect(
        `-ERR 'Permissions Violation for Subscription to "secret.a"'\r\n${ok}-ERR 'Permissions Violation for Subscription to "secret.b" using queue "q"'\r\n`,
      );
      broker.publish({ topic: 'open', payload: Buffer.from('x') });
      await client.expect('MSG open 2 1\r\nx\r\n');
      // The sid is free again.
      client.send('SUB open 1\r\n');
      await client.pingPong();
      await client.close();
    }
  } finally {
    await own.stop();
  }
});

testIn(
  'pooled',
  'credentials: the broker sees the gateway’s own account, whatever clients say of themselves',
  async () => {
    const upstream = { username: 'gate', password: USERS.gate };
    const gateway = await scene.otherGateway({ upstream });
    const unasked = await scene.greeted(gateway);
    assert.equal(unasked.info.auth_required, undefined);
    const clients = [{}, { user: 'ann', pass: 'wrong' }, { user: 'a\u0001b' }, { auth_token: 'x' }];
    for (const fields of clients) await (await scene.raw(fields, gateway)).pingPong();
    const demanding = await scene.otherGateway({ upstream: { ...upstream, auth_required: true } });
    assert.equal((await scene.greeted(demanding)).info.auth_required, true);
  },
);

testIn(
  'pooled',
  'credentials: pooled sessions have unguessable client ids, new ones for each attempt',
  async () => {
    const broker = await ScriptedBroker.start();
    const upstream = { username: 'gate', password: 'g', probe: false, pool_size: 2 };
    const own = await Scene.start(broker, { upstream });
    try {
      const clients = [await own.raw(), await own.raw(), await own.raw()];
      for (const client of clients) client.send('SUB a 1\r\nPUB b 1\r\nx\r\n');
      for (const client of clients) await client.pingPong();
      assert.equal(broker.sessions.length, 4, 'two pairs');
      broker.cutAll();
      await waitFor(() => broker.packets('connect').length === 8, 5_000, 'new sessions');
      for (const client of clients) await client.pingPong();
      const connects = broker.packets('connect');
      assert.equal(new Set(connects.map(({ clientId }) => clientId)).size, 8);
      for (const { clientId, username, password } of connects) {
        assert.match(clientId, /^nmg[0-9a-f]{20}$/);
        assert.deepEqual([username, password?.toString()], ['gate', 'g']);
      }
      assert.deepEqual(broker.violations, []);
    } finally {
      await own.stop();
    }
  },
);

testIn(
  'pooled',
  'access list: what the gateway’s own account may not do is refused to every client',
  async () => {
    const upstream = { username: 'bob', password: USERS.bob };
    const gateway = await scene.otherGateway({ upstream });
    const client = await scene.raw({ verbose: true, user: 'ann', pass: USERS.ann }, gateway);
    client.send('PUB ann.x 1\r\na\r\nPUB bob.x 1\r\nb\r\n');
    await client.expect('-ERR \'Permissions Violation for Publish to "ann.x"\'\r\n+OK\r\n');
  },
);

test('probe: with an account of its own the gateway learns how the broker behaves', async () => {
  const gateway = await scene.otherGateway({ upstream: { username: 'admin', password: USERS.admin } });
  const [probed] = gateway.logLines('upstream.probed');
  assert.equal(probed?.requiresCredentials, true);
  assert.equal(probed?.overlap, 'identifiers');
  assert.equal(probed?.delaysSmallWrites, true);
  const [unknown] = scene.gateway.logLines('upstream.probed');
  assert.equal(unknown?.requiresCredentials, true);
  assert.equal(unknown?.overlap, null);
});
