/** Clients that somebody else admits: greeted at once, not read before the decision, reported when they leave. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { Admission, Applicant } from '../../../src/transport/admission.ts';
import { connectRaw, connectRawWebSocket, type RawClient } from '../../support/raw-client.ts';
import { waitFor } from '../../support/wait-for.ts';
import { INFO, startTransport, type TestTransport } from './harness.ts';

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

for (const kind of ['tcp', 'ws'] as const) {
  describe(`admission: ${kind}`, () => {
    async function started(settings = {}): Promise<{ desk: Desk; transport: TestTransport }> {
      const desk = new Desk();
      const webSocket = kind === 'ws' ? { webSocket: {} } : {};
      const transport = await startTransport({ ...settings, ...webSocket, admission: desk });
      running.push(transport);
      return { desk, transport };
    }

    function connect({ port }: TestTransport): Promise<RawClient> {
      const options = { readInfo: false };
      return kind === 'tcp'
        ? connectRaw('127.0.0.1', port, options)
        : connectRawWebSocket(`ws://127.0.0.1:${port}/`, options);
    }

    it('greets at once, reads nothing before the decision, then everything', async () => {
      const { desk, transport } = await started();
      const client = await connect(transport);
      await client.expect(INFO);
      await client.sendAll('PUB a 1\r\nx\r\n');
      await client.sendAll('PING\r\n');
      assert.deepEqual(
        desk.asked.map((each) => each.client),
        [[...transport.registry.live()][0]?.connection.peer],
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
