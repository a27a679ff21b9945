/** The databases of the tests: each starts on a port of its own, keeps its data over a restart and leaves nothing. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { startMariaDb } from '../../support/mariadb.ts';
import { startPostgresql } from '../../support/postgresql.ts';
import { startRedis, startRedisCluster, startSentinel, startTlsRedis } from '../../support/redis.ts';

for (const [name, start] of [
  ['MariaDB', startMariaDb],
  ['PostgreSQL', startPostgresql],
] as const) {
  test(`databases: ${name} keeps its tables over a restart, and is gone after stop`, async () => {
    const database = await start();
    const folder = dirname(database.certificates.ca);
    try {
      await database.sql('CREATE TABLE kept (a INT)');
      await database.restart();
      await database.sql('INSERT INTO kept VALUES (1)');
      await assert.rejects(database.sql('SELECT * FROM missing'), /missing/);
    } finally {
      await database.stop();
    }
    assert.ok(!database.isRunning);
    assert.ok(!existsSync(folder));
  });
}

test('databases: Redis answers, and asks for its password', async () => {
  const server = await startRedis({ password: 'of-the-server' });
  try {
    await server.command('set', 'key', Buffer.from([0, 255]));
    assert.equal(await server.command('strlen', 'key'), 2);
  } finally {
    await server.stop();
  }
});

test('databases: a sentinel knows its master', async () => {
  const master = await startRedis({ password: 'of-the-master' });
  const sentinel = await startSentinel(master, 'of-the-master');
  try {
    assert.match(sentinel.log, new RegExp(`\\+monitor master mqtt 127.0.0.1 ${master.port}`));
  } finally {
    await sentinel.stop();
    await master.stop();
  }
});

test('databases: Redis listens for TLS on a port of its own', async () => {
  const server = await startTlsRedis();
  try {
    assert.notEqual(server.tlsPort, server.port);
    assert.ok(existsSync(server.certificates.clientCert));
  } finally {
    await server.stop();
  }
  assert.ok(!existsSync(server.certificates.ca));
});

test('databases: three Redis nodes form a cluster', async () => {
  const nodes = await startRedisCluster();
  try {
    const slots = await nodes[0]?.command('cluster', 'slots');
    assert.ok(Array.isArray(slots));
    assert.equal(slots.length, 3);
  } finally {
    for (const node of nodes) await node.stop();
  }
});
