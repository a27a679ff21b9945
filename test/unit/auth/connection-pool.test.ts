/** The pool of database connections: its bounds, with connections in memory and a clock that is turned by hand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionPool, type PooledConnection } from '../../../src/auth/connection-pool.ts';
import { silentLogger } from '../../../src/util/logger.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const LIMITS = {
  size: 2,
  connectTimeoutMs: 1_000,
  acquireTimeoutMs: 500,
  queryTimeoutMs: 300,
  idleTimeoutMs: 60_000,
};
const NEVER = new AbortController().signal;

class MemoryConnection implements PooledConnection {
  isOpen = true;
  hasSaidGoodbye = false;

  async end(): Promise<void> {
    this.hasSaidGoodbye = true;
  }

  destroy(): void {
    this.isOpen = false;
  }
}

function rig(open?: (signal: AbortSignal) => Promise<MemoryConnection>) {
  const clock = new FakeClock();
  const connections: MemoryConnection[] = [];
  const makeOne = async (): Promise<MemoryConnection> => {
    const connection = new MemoryConnection();
    connections.push(connection);
    return connection;
  };
  const parts = { method: 'test', open: open ?? makeOne, clock, logger: silentLogger };
  return { clock, connections, pool: new ConnectionPool(LIMITS, parts) };
}

/** Lets promises settle that wait for nothing but each other. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Work that ends when it is told to. */
function work() {
  let finish = (): void => {};
  const promise = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return { run: () => promise, finish };
}

test('pool: opens as many connections as are needed, up to its size', async () => {
  const { pool, connections } = rig();
  const jobs = [work(), work(), work()];
  const results = jobs.map((job) => pool.run(job.run, NEVER));
  await settled();
  assert.equal(connections.length, 2);
  for (const job of jobs) job.finish();
  await Promise.all(results);
  assert.equal(connections.length, 2);
  await pool.close();
});

test('pool: the 1,025th who waits is refused at once', async () => {
  const { pool } = rig(() => new Promise(() => {}));
  const waiting = Array.from({ length: 1_024 }, () => pool.run(work().run, NEVER));
  const ends = Promise.allSettled(waiting);
  await assert.rejects(pool.run(work().run, NEVER), { code: 'BUSY' });
  await pool.close();
  assert.ok((await ends).every(({ status }) => status === 'rejected'));
});

test('pool: who waits too long for a connection learns why there is none', async () => {
  const { pool, clock } = rig(() => Promise.reject(Object.assign(new Error('no route'), { code: 'EHOST' })));
  const answer = assert.rejects(pool.run(work().run, NEVER), {
    code: 'EHOST',
    message: 'no connection within 500 ms: connect: no route',
  });
  await settled();
  clock.advance(500);
  await answer;
  await pool.close();
});

test('pool: a late query costs its connection and those that are idle, no others', async () => {
  const { pool, clock, connections } = rig();
  await Promise.all([pool.run(async () => {}, NEVER), pool.run(async () => {}, NEVER)]);
  const answer = assert.rejects(pool.run(work().run, NEVER), { code: 'TIMEOUT' });
  await settled();
  clock.advance(300);
  await answer;
  assert.ok(connections.every(({ isOpen }) => !isOpen));
  await pool.run(async () => {}, NEVER);
  assert.equal(pool.size, 1);
  await pool.close();
});

test('pool: work on a connection that has died while idle is done once more, on a new one', async () => {
  const { pool, connections } = rig();
  await pool.run(async () => {}, NEVER);
  const used: MemoryConnection[] = [];
  const fails = async (connection: MemoryConnection): Promise<void> => {
    used.push(connection);
    connection.destroy();
    throw new Error('connection lost');
  };
  await assert.rejects(pool.run(fails, NEVER), /connection lost/);
  assert.deepEqual(used, connections);
  assert.equal(used.length, 2);
  await pool.close();
});

test('pool: an error of the query itself is no reason to ask again, nor to leave the connection', async () => {
  const { pool, connections } = rig();
  await pool.run(async () => {}, NEVER);
  let count = 0;
  const fails = async (): Promise<void> => {
    count++;
    throw new Error('no such table');
  };
  await assert.rejects(pool.run(fails, NEVER), /no such table/);
  assert.equal(count, 1);
  assert.equal(connections[0]?.isOpen, true);
  await pool.close();
});

test('pool: connections that nobody needs are closed with a goodbye', async () => {
  const { pool, clock, connections } = rig();
  await pool.run(async () => {}, NEVER);
  clock.advance(60_000);
  await settled();
  assert.equal(connections[0]?.hasSaidGoodbye, true);
  assert.equal(pool.size, 0);
  await pool.close();
});

test('pool: after close nothing is opened, and who waits is refused', async () => {
  const { pool, clock, connections } = rig();
  const job = work();
  const results = [pool.run(job.run, NEVER), pool.run(job.run, NEVER), pool.run(job.run, NEVER)];
  const ends = Promise.allSettled(results);
  await settled();
  await pool.close();
  await pool.close();
  assert.ok((await ends).every(({ status }) => status === 'rejected'));
  assert.equal(clock.pendingTimers, 0);
  assert.ok(connections.every(({ isOpen }) => !isOpen));
  await assert.rejects(pool.run(job.run, NEVER), { code: 'CLOSED' });
});
