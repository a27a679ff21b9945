/** Clients that somebody else admits: greeted at once, not read before the decision, reported when they leave. */
import assert from 'node:assert/strict';
import { after, afterEach, describe, it } from 'node:test';
import { TlsCredentials } from '../../../src/tls/credentials.ts';
import type { Admission, Applicant } from '../../../src/transport/admission.ts';
import type { ListenerTls } from '../../../src/transport/tls-handshakes.ts';
import { silentLogger } from '../../../src/util/logger.ts';
import { TestAuthority } from '../../support/certs.ts';
import { connectRaw, connectRawWebSocket, type RawClient } from '../../support/raw-client.ts';
import { connectRawTls } from '../../support/raw-tls.ts';
import { waitFor } from '../../support/wait-for.ts';
import { INFO, startTransport, type TestTransport, type TransportSettings } from './harness.ts';

/** Decides when the test says so. */
class Desk implements Admission {
  readonly asked: { client: Applicant; decide: (isAdmitted: boolean) => void }[] = [];
  readonly left: number[] = [];

  ask(client: Applicant, decide: (isAdmitted: boolean) => void): void {
    this.asked.push({ client, decide });
  }

  leave({ cid }: Applicant): void {
    this.left.push(cid);
  }
}

const running: TestTransport[] = [];
afterEach(async () => {
  for (const transport of running.splice(0)) await transport.stop();
});

const authority = new TestAuthority();
after(() => authority.remove());

function tlsWith(policy: Partial<ListenerTls>): ListenerTls {
  const { certFile, keyFile } = authority.issue();
  const settings = { path: 'tls', certFile, keyFile, keyPassphrase: null, caFile: null, ciphers: null };
  return {
    credentials: new TlsCredentials({ ...settings, minVersion: '1.2' }, silentLogger),
    verify: false,
    mapsCertificate: false,
    pinnedCerts: [],
    infoDelayMs: 0,
    isOptional: false,
    timeoutMs: 2_000,
    ...policy,
  };
}

type Connect = (port: number) => Promise<RawClient>;
const NO_INFO = { readInfo: false };
const plain: Connect = (port) => connectRaw('127.0.0.1', port, NO_INFO);
const encrypted: Connect = async (port) => {
  const options = { ...NO_INFO, upgrade: false, ca: authority.ca };
  return (await connectRawTls('127.0.0.1', port, options)).client;
};

const KINDS: readonly (readonly [name: string, settings: TransportSettings, connectTo: Connect])[] = [
  ['tcp', {}, plain],
  ['ws', { webSocket: {} }, (port) => connectRawWebSocket(`ws://127.0.0.1:${port}/`, NO_INFO)],
  ['tls', { tls: tlsWith({ infoDelayMs: Number.POSITIVE_INFINITY }) }, encrypted],
  ['tcp where TLS is optional', { tls: tlsWith({ isOptional: true }) }, plain],
];

for (const [kind, kindSettings, connectTo] of KINDS) {
  describe(`admission: ${kind}`, () => {
    async function started(settings = {}): Promise<{ desk: Desk; transport: TestTransport }> {
      const desk = new Desk();
      const transport = await startTransport({ ...settings, ...kindSettings, admission: desk });
      running.push(transport);
      return { desk, transport };
    }

    function connect({ port }: TestTransport): Promise<RawClient> {
      return connectTo(port);
    }

    it('greets at once, reads nothing before the decision, then everything', async () => {
      const { desk, transport } = await started();
      const client = await connect(transport);
      await client.expect(INFO);
      await client.sendAll('PUB a 1\r\nx\r\n');
      await client.sendAll('PING\r\n');
      assert.deepEqual(
        desk.asked.map((each) => each.client),
        [[...transport.registry.live()][0]?.peer],
      );
      // The kernel has the bytes; several turns of the event loop would have been enough to read them.
      for (let turn = 0; turn < 20; turn++) await new Promise((done) => setImmediate(done));
      assert.deepEqual([transport.sessions[0]?.activity, client.unread.length], [0, 0]);
      desk.asked[0]?.decide(true);
      await client.expect('MSG x 1 1\r\nx\r\nPONG\r\n');
    });

    it('tells a client that is one too many, and reports that it has left', async () => {
      const { desk, transport } = await started();
      const client = await connect(transport);
      await client.expect(INFO);
      desk.asked[0]?.decide(false);
      await client.expect("-ERR 'maximum connections exceeded'\r\n");
      await client.closed();
      assert.deepEqual(transport.sessions[0]?.closeReasons, ['Maximum Connections Exceeded']);
      assert.deepEqual(desk.left, [1]);
    });

    it('asks instead of counting', async () => {
      const { desk, transport } = await started({ maxConnections: 1, maxPerListener: 1 });
      for (const position of [0, 1, 2]) {
        const client = await connect(transport);
        await client.expect(INFO);
        desk.asked[position]?.decide(true);
        await client.pingPong();
      }
    });

    it('reports a client that leaves before the decision, which comes to nothing then', async () => {
      const { desk, transport } = await started();
      const client = await connect(transport);
      await client.expect(INFO);
      transport.sessions[0]?.port.close('Idle Timeout');
      await client.closed();
      assert.deepEqual(desk.left, [1]);
      desk.asked[0]?.decide(true);
      await waitFor(() => transport.registry.size === 0);
      assert.deepEqual(desk.left, [1]);
    });
  });
}
