/**
 * Ways around the edges: clear text where TLS is required, addresses that are claimed, and what devices send to have a
 * client or the gateway do something that they may not. As in attempts.test.ts, a new idea is a new row.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { TestAuthority } from '../../support/certs.ts';
import type { Device } from '../../support/device.ts';
import type { RunningGateway } from '../../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { binaryHeader, ip4Body, lineHeader } from '../../support/proxy-speaker.ts';
import { connectRaw, connectRawWebSocket } from '../../support/raw-client.ts';
import { connectRawTls } from '../../support/raw-tls.ts';
import { Scene } from '../../support/scene.ts';

const authority = new TestAuthority();
const stranger = new TestAuthority('Somebody Else');
const server = authority.issue();
const client = authority.issue({ subject: '/O=Acme/CN=ann', names: '' });
const tls = { cert_file: server.certFile, key_file: server.keyFile };

const OPERATIONS = 'PUB open.a 4\r\nevil\r\nSUB > 1\r\nPING\r\n';
const USERS = [
  { user: 'ann', password: 'ann-pass' },
  { user: 'limited', password: 'x', permissions: { publish: 'open.>', subscribe: ['open.>', '_INBOX.>'] } },
];
const CONNECT = 'CONNECT {"verbose":false,"user":"ann","pass":"ann-pass"}\r\n';

let scene: Scene<Mosquitto>;
let observer: Device;

before(async () => {
  scene = await Scene.start(await startMosquitto());
});
afterEach(() => scene.closeClients());
after(async () => {
  await scene.stop();
  authority.remove();
  stranger.remove();
});

async function start(listener: object, settings: object = {}): Promise<RunningGateway> {
  observer = await scene.device();
  await observer.subscribe('#');
  await observer.subscribe('$CONTROL/#').catch(() => {});
  return await scene.otherGateway({
    listeners: [{ name: 'edge', type: 'tcp', bind: '127.0.0.1:0', ...listener }],
    authentication: [{ method: 'built_in', users: USERS }],
    client_info: { username: '', password: '' },
    auth_failure_delay: '0s',
    ...settings,
  });
}

async function nothingIsHeard(): Promise<void> {
  await observer.settle();
  const topics = observer.messages.map(({ topic }) => topic);
  assert.deepEqual(topics, []);
}

describe('attempts at a listener with TLS', () => {
  const CLEAR: Readonly<Record<string, string>> = {
    'everything in clear text': CONNECT + OPERATIONS,
    'operations in clear text': OPERATIONS,
    'a CONNECT that says that TLS is not wanted': `CONNECT {"tls_required":false,"user":"ann","pass":"ann-pass"}\r\n${OPERATIONS}`,
    'a PING first': `PING\r\n${CONNECT}${OPERATIONS}`,
    'a PROXY header first': `PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n${CONNECT}${OPERATIONS}`,
    'an HTTP request first': `GET / HTTP/1.1\r\nHost: x\r\n\r\n${CONNECT}${OPERATIONS}`,
  };
  for (const handshakeFirst of [false, true, 'auto']) {
    for (const [name, bytes] of Object.entries(CLEAR)) {
      test(`${name}, handshake_first ${handshakeFirst}`, async () => {
        const gateway = await start({ type: 'tls', tls: { ...tls, handshake_first: handshakeFirst } });
        const raw = await connectRaw(gateway.host, gateway.port, { readInfo: handshakeFirst === false });
        raw.send(bytes);
        assert.doesNotMatch((await raw.closed()).leftover.toString('latin1'), /PONG|\+OK|MSG/);
        await nothingIsHeard();
      });
    }
  }

  test('optional TLS is no way around a certificate that is asked for', async () => {
    const gateway = await start(
      { tls: { ...tls, optional: true, ca_file: authority.caFile, verify_and_map: true } },
      { authentication: [{ method: 'tls_certificate', users: ['CN=ann,O=Acme'] }] },
    );
    const raw = await connectRaw(gateway.host, gateway.port);
    raw.send(`CONNECT {"user":"CN=ann,O=Acme","tls_required":true}\r\n${OPERATIONS}`);
    assert.equal((await raw.closed()).leftover.toString(), "-ERR 'Authorization Violation'\r\n");
    await nothingIsHeard();
  });

  const CERTIFICATES = {
    none: {},
    'of another authority': stranger.issue({ subject: '/O=Acme/CN=ann', names: '' }),
    expired: authority.issue({ subject: '/O=Acme/CN=ann', names: '', days: -1 }),
    'of somebody else': authority.issue({ subject: '/O=Acme/CN=bob', names: '' }),
    'with the name in another field': authority.issue({ subject: '/O=ann,Acme/OU=ann', names: '' }),
    'with a name that looks alike': authority.issue({ subject: '/O=Acme/CN=аnn', names: '' }),
    'with the whole name as a common name': authority.issue({ subject: '/CN=CN=ann,O=Acme', names: '' }),
  };
  for (const [name, certificate] of Object.entries(CERTIFICATES)) {
    test(`a certificate ${name}`, async () => {
      const gateway = await start(
        { type: 'tls', tls: { ...tls, ca_file: authority.caFile, verify_and_map: true } },
        { authentication: [{ method: 'tls_certificate', users: ['CN=ann,O=Acme'] }] },
      );
      const present = async (given: object): Promise<string> => {
        const options = { ca: authority.ca, ...given };
        const raw = await connectRawTls(gateway.host, gateway.port, options);
        raw.client.send(`CONNECT {"verbose":false,"user":"CN=ann,O=Acme"}\r\n${OPERATIONS}`);
        return (await raw.client.closed()).leftover.toString();
      };
      // Refused in the handshake, which comes as an error of the socket, or after it.
      const told = await present(certificate).catch(() => '');
      assert.doesNotMatch(told, /PONG|\+OK|MSG/);
      await nothingIsHeard();
      const { client: right } = await connectRawTls(gateway.host, gateway.port, {
        ca: authority.ca,
        ...client,
      });
      right.send('CONNECT {"verbose":false}\r\n');
      await right.pingPong();
      await right.close();
    });
  }
});

describe('attempts with an address that is claimed', () => {
  const FAR = '10.1.2.3';
  const HEADERS: Readonly<Record<string, Buffer>> = {
    'version 1': lineHeader(FAR, 1),
    'version 2': binaryHeader(0x21, 0x11, ip4Body(FAR, 1)),
    'version 2, of the proxy itself': binaryHeader(0x20, 0, Buffer.alloc(0)),
    'version 1, twice': Buffer.concat([lineHeader(FAR, 1), lineHeader(FAR, 2)]),
  };
  for (const [name, header] of Object.entries(HEADERS)) {
    test(`PROXY header from who is no proxy, ${name}`, async () => {
      const gateway = await start({ proxy_protocol: true, proxy_protocol_from: ['127.0.0.9'] });
      const raw = await connectRaw(gateway.host, gateway.port, { readInfo: false });
      raw.send(Buffer.concat([header, Buffer.from(CONNECT + OPERATIONS)]));
      assert.equal((await raw.closed()).leftover.length, 0);
      await nothingIsHeard();
    });

    test(`PROXY header where none is expected, ${name}`, async () => {
      const gateway = await start({});
      const raw = await connectRaw(gateway.host, gateway.port);
      raw.send(Buffer.concat([header, Buffer.from(CONNECT + OPERATIONS)]));
      assert.doesNotMatch((await raw.closed()).leftover.toString('latin1'), /PONG|\+OK|MSG/);
      await nothingIsHeard();
    });
  }

  const FORWARDED = [FAR, `${FAR}, 127.0.0.1`, `127.0.0.1, ${FAR}`, 'localhost', '::ffff:10.1.2.3'];
  for (const forwarded of FORWARDED) {
    test(`X-Forwarded-For "${forwarded}" from who is no proxy`, async () => {
      const gateway = await start({ type: 'ws', access_rules: ['allow 10.0.0.0/8', 'deny all'] });
      const headers = { 'X-Forwarded-For': forwarded, Forwarded: `for=${FAR}`, 'X-Real-IP': FAR };
      await assert.rejects(connectRawWebSocket(gateway.wsUrl, { headers }));
    });
  }

  test('X-Forwarded-For is read from the right: what the client has written counts for nothing', async () => {
    const gateway = await start({
      type: 'ws',
      access_rules: ['allow 10.0.0.0/8', 'deny all'],
      websocket: { trusted_proxies: ['127.0.0.1'] },
    });
    const come = (forwarded: string) =>
      connectRawWebSocket(gateway.wsUrl, { headers: { 'X-Forwarded-For': forwarded } });
    await assert.rejects(come(`${FAR}, 192.168.0.1`));
    await (await come(`192.168.0.1, ${FAR}`)).close();
  });
});

describe('attempts of devices', () => {
  const TOPICS = [
    '$CONTROL/dynamic-security/v1',
    '$SYS/x',
    '$share/g/open/a',
    'secret/x',
    '_NMG/x',
    'open/#',
    '+/x',
  ];
  for (const responseTopic of TOPICS) {
    test(`a client that may answer does not answer to ${responseTopic}`, async () => {
      const gateway = await start({});
      const limited = await scene.raw({ user: 'limited', pass: 'x' }, gateway);
      limited.send('SUB open.a 1\r\n');
      await limited.pingPong();
      const device = await scene.device();
      const correlationData = Buffer.from('id');
      await device
        .publish('open/a', 'ask', { properties: { responseTopic, correlationData } })
        .catch(() => {});
      await device.settle();
      const text = (await limited.pingPong()).toString();
      const reply = /MSG open\.a 1 (\S+) 3\r\nask/.exec(text)?.[1];
      for (const subject of [reply, `_MR_.AmlkAA.${responseTopic.replaceAll('/', '.')}`])
        if (subject !== undefined) limited.send(`PUB ${subject} 4\r\nevil\r\n`);
      await limited.pingPong().catch(() => limited.closed());
      await observer.settle();
      const answers = observer.messages.filter((message) => message.text === 'evil');
      assert.deepEqual(
        answers.map(({ topic }) => topic),
        [],
      );
    });
  }

  const PROPERTIES: Readonly<Record<string, Record<string, string | string[]>>> = {
    'a mark of origin': { 'nmg-origin': 'forged' },
    'marks of origin': { 'nmg-origin': ['a', 'b', ''] },
    'headers that are no base64': { 'nmg-headers': '!!' },
    'headers with another message behind them': {
      'nmg-headers': Buffer.from('NATS/1.0\r\nA: b\r\n\r\nMSG open.a 1 4\r\nevil\r\n').toString('base64'),
    },
    'a status line': { 'nmg-status': '503', Status: '503' },
  };
  for (const [name, userProperties] of Object.entries(PROPERTIES)) {
    test(`${name} from a device: the client gets one message, and it is the device's`, async () => {
      const gateway = await start({});
      const ann = await scene.raw({ user: 'ann', pass: 'ann-pass', echo: false }, gateway);
      ann.send('SUB open.a 1\r\n');
      await ann.pingPong();
      const device = await scene.device();
      await device.publish('open/a', 'true', { properties: { userProperties } });
      await device.settle();
      const text = (await ann.pingPong()).toString('latin1');
      assert.match(text, /^H?MSG open\.a 1 (\d+ )?\d+\r\n(.*\r\n)*true\r\nPONG\r\n$/);
      assert.equal([...text.matchAll(/^H?MSG /gm)].length, 1, text);
      assert.doesNotMatch(text, /^evil/m);
    });
  }
});
