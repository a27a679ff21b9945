/**
 * TCP listener, acceptor and registry over real loopback sockets: addresses, limits, who is counted.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { CloseReason } from '../../../src/close-reason.ts';
import { GatewayError } from '../../../src/errors.ts';
import type { PeerInfo } from '../../../src/session/ports.ts';
import { ConnectionRegistry } from '../../../src/transport/connection-registry.ts';
import { FlushScheduler } from '../../../src/transport/flush-scheduler.ts';
import { formatAddress } from '../../../src/transport/listener.ts';
import { TcpListener } from '../../../src/transport/tcp-listener.ts';
import { silentLogger } from '../../../src/util/logger.ts';
import { clientView } from '../../support/client-view.ts';
import { watchLeaks } from '../../support/leaks.ts';
import { connectRaw } from '../../support/raw-client.ts';
import { waitFor } from '../../support/wait-for.ts';
import { INFO, startTransport, type TestTransport, type TransportSettings } from './harness.ts';

const running: TestTransport[] = [];
afterEach(async () => {
  for (const transport of running.splice(0)) await transport.stop();
});

async function started(settings: TransportSettings = {}): Promise<TestTransport> {
  const transport = await startTransport(settings);
  running.push(transport);
  return transport;
}

describe('tcp listener', () => {
  it('tells its real port and the peer of each connection', async () => {
    const transport = await started();
    assert.deepEqual(transport.listener.address, {
      name: 'test',
      type: 'tcp',
      host: '127.0.0.1',
      port: transport.port,
    });
    assert.notEqual(transport.port, 0);
    await transport.connect();
    await transport.connect();
    const peers = [...transport.registry.live()].map(({ peer }) => peer);
    assert.deepEqual(
      peers.map(({ cid }) => cid),
      [1, 2],
    );
    const { remotePort, ...first } = peers[0]!;
    assert.ok(remotePort > 0);
    assert.deepEqual(first, {
      cid: 1,
      listener: 'test',
      transport: 'tcp',
      remoteAddress: '127.0.0.1',
      localAddress: '127.0.0.1',
      localPort: transport.port,
      tls: null,
    });
    assert.deepEqual(
      transport.logLines.map(({ event }) => event),
      ['listener.started'],
    );
  });

  it('says which address is taken', async () => {
    const transport = await started();
    const { acceptor, port } = transport;
    const second = new TcpListener({ name: 'other', host: '127.0.0.1', port }, acceptor, silentLogger);
    await assert.rejects(second.open(), (error: unknown) => {
      assert.ok(error instanceof GatewayError);
      assert.equal(error.code, 'GW_LISTEN');
      assert.deepEqual(error.context, {
        listener: 'other',
        address: `127.0.0.1:${port}`,
        code: 'EADDRINUSE',
      });
      return true;
    });
    await second.close();
  });

  it('stops accepting and keeps its connections on close', async () => {
    const transport = await started();
    const client = await transport.connect();
    await transport.listener.close();
    await transport.listener.close();
    await client.pingPong();
    await assert.rejects(connectRaw('127.0.0.1', transport.port), { code: 'ECONNREFUSED' });
    const again = new TcpListener(
      { name: 'again', host: '127.0.0.1', port: transport.port },
      transport.acceptor,
      silentLogger,
    );
    await again.open();
    again.begin();
    await again.close();
  });

  it('shows an IPv4 client of a dual-stack socket as IPv4', async () => {
    const transport = await started();
    const dual = new TcpListener({ name: 'dual', host: '', port: 0 }, transport.acceptor, silentLogger);
    await dual.open();
    dual.begin();
    const client = await connectRaw('127.0.0.1', dual.address.port);
    const peer = [...transport.registry.live()][0]!.peer;
    assert.deepEqual([peer.remoteAddress, peer.localAddress], ['127.0.0.1', '127.0.0.1']);
    client.reset();
    await dual.close();
  });

  it('leaves neither sockets nor timers behind', async () => {
    const check = watchLeaks();
    const transport = await startTransport();
    const clients = [await transport.connect(), await transport.connect(), await transport.connect()];
    await clients[0]!.pingPong();
    clients[1]!.send('BAD\r\n');
    await clients[1]!.closed();
    await transport.stop();
    await check();
  });
});

describe('acceptor: maximum connections', () => {
  const table: TransportSettings[] = [{ maxConnections: 2 }, { maxPerListener: 2 }];
  for (const settings of table) {
    it(`tells the one too many after INFO with ${JSON.stringify(settings)}`, async () => {
      const transport = await started(settings);
      const first = await transport.connect();
      await transport.connect();
      const third = await connectRaw('127.0.0.1', transport.port, { readInfo: false });
      await third.expect(`${INFO}-ERR 'maximum connections exceeded'\r\n`);
      assert.equal((await third.closed()).how, 'eof');
      assert.equal(transport.registry.size, 2);
      assert.deepEqual(transport.sessions[2]!.closeReasons, ['Maximum Connections Exceeded']);
      first.reset();
      await waitFor(() => transport.registry.size === 1);
      await (await transport.connect()).pingPong();
    });
  }

  it('lets a client back in while the one before is still being closed', async () => {
    const transport = await started({ maxConnections: 1 });
    const first = await transport.connect();
    first.pause();
    transport.sessions[0]!.port.close('Kicked');
    await (await transport.connect()).pingPong();
  });
});

describe('connection registry', () => {
  const peer = (cid: number, listener = 'l'): PeerInfo => ({
    cid,
    listener,
    transport: 'tcp',
    remoteAddress: '127.0.0.1',
    remotePort: 1,
    localAddress: '127.0.0.1',
    localPort: 2,
    tls: null,
  });
  const connection = (cid: number, listener?: string) => ({
    peer: peer(cid, listener),
    pendingBytes: 0,
    describe: () => clientView({ cid, startMs: Date.now() }),
    aborted: [] as CloseReason[],
    close() {},
    abort(reason: CloseReason) {
      this.aborted.push(reason);
    },
  });

  it('remembers the last connections that ended, oldest first', () => {
    const registry = new ConnectionRegistry({ maxConnections: 10, closedCapacity: 3 });
    for (let cid = 1; cid <= 5; cid++) {
      const each = connection(cid);
      registry.add(each);
      registry.noteClosing(each, 'Client Closed');
      registry.noteGone(each);
    }
    assert.deepEqual(
      registry.closed().map(({ cid }) => cid),
      [3, 4, 5],
    );
    const last = registry.closed()[2]!;
    assert.equal(last.reason, 'Client Closed');
    assert.ok(last.stopMs !== null && last.startMs <= last.stopMs);
  });

  it('counts per listener and starts ids where it is told', () => {
    const registry = new ConnectionRegistry({ maxConnections: 2, cidBase: 2 ** 32 });
    assert.equal(registry.nextCid(), 2 ** 32 + 1);
    const a = connection(1, 'a');
    registry.add(a);
    assert.equal(registry.isFull, false);
    registry.add(connection(2, 'b'));
    assert.equal(registry.isFull, true);
    assert.deepEqual([registry.countOf('a'), registry.countOf('b'), registry.countOf('c')], [1, 1, 0]);
    registry.noteClosing(a, 'Kicked');
    assert.deepEqual([registry.countOf('a'), registry.size, registry.get(1)], [0, 1, undefined]);
  });

  it('bounds the number of connections that are only being closed', async () => {
    const registry = new ConnectionRegistry({ maxConnections: 10_000 });
    const all = Array.from({ length: 1025 }, (_, index) => connection(index + 1));
    for (const each of all) {
      registry.add(each);
      registry.noteClosing(each, 'Parse Error');
    }
    await new Promise((done) => setImmediate(done));
    assert.equal(registry.isOverrun, true);
    assert.deepEqual(
      all.filter(({ aborted }) => aborted.length > 0).map((each) => each.peer.cid),
      [1025],
    );
  });

  it('aborts what does not end in time', async () => {
    const registry = new ConnectionRegistry<ReturnType<typeof connection>>({ maxConnections: 10 });
    const stubborn = connection(1);
    registry.add(stubborn);
    stubborn.close = () => registry.noteClosing(stubborn, 'Server Shutdown');
    stubborn.abort = () => registry.noteGone(stubborn);
    await registry.closeAll('Server Shutdown', 20);
    await registry.closeAll('Server Shutdown', 20);
    assert.equal(registry.size, 0);
  });
});

describe('flush scheduler', () => {
  it('flushes thousands in one turn, and what is scheduled meanwhile in the next', async () => {
    const scheduler = new FlushScheduler();
    const order: string[] = [];
    let count = 0;
    const late = { flushNow: () => order.push('late') };
    for (let i = 0; i < 5000; i++) {
      scheduler.schedule({
        flushNow: () => {
          count += 1;
          if (count === 1) scheduler.schedule(late);
        },
      });
    }
    assert.equal(count, 0);
    await new Promise<void>((done) => {
      setImmediate(() => {
        order.push('next immediate');
        assert.equal(count, 5000);
        done();
      });
    });
    await waitFor(() => order.length === 2);
    assert.deepEqual(order, ['next immediate', 'late']);
  });
});

describe('address text', () => {
  const table = [
    { host: '127.0.0.1', expected: '127.0.0.1:4222' },
    { host: '::1', expected: '[::1]:4222' },
    { host: '', expected: ':4222' },
  ];
  for (const { host, expected } of table) {
    it(`shows "${host}" as ${expected}`, () => assert.equal(formatAddress(host, 4222), expected));
  }
});
