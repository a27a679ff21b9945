/** Credentials tried out against databases before the method is saved. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { TestBody } from '../../../../src/admin/api-types.ts';
import { configText, startAdministered } from '../../../support/administered.ts';
import { startMariaDb } from '../../../support/mariadb.ts';
import { startPostgresql } from '../../../support/postgresql.ts';
import { startRedis } from '../../../support/redis.ts';

const DB_PASSWORD = 'database-secret-12';
const HASH = createHash('sha256').update('user-secret-13').digest('hex');
const TABLE = 'CREATE TABLE users (username VARCHAR(100) PRIMARY KEY, password_hash VARCHAR(255))';
const ROW = `INSERT INTO users VALUES ('ann', '${HASH}')`;
const sql = {
  username: 'gateway',
  password: DB_PASSWORD,
  query: 'SELECT password_hash FROM users WHERE username = ${connect.user}',
};

interface Backend {
  readonly method: Readonly<Record<string, unknown>>;
  stop(): Promise<unknown>;
}

const BACKENDS: Readonly<Record<string, () => Promise<Backend>>> = {
  async redis() {
    const server = await startRedis({ password: DB_PASSWORD });
    await server.command('hset', 'mqtt_user:ann', 'password_hash', HASH);
    const command = 'HMGET mqtt_user:${connect.user} password_hash';
    return {
      method: { method: 'redis', servers: [`127.0.0.1:${server.port}`], password: DB_PASSWORD, command },
      stop: () => server.stop(),
    };
  },
  async mysql() {
    const server = await startMariaDb();
    const user = `'gateway'@'127.0.0.1'`;
    const grants = [
      `CREATE USER ${user} IDENTIFIED BY '${DB_PASSWORD}'`,
      `GRANT SELECT ON mqtt.users TO ${user}`,
    ];
    await server.sql(TABLE, ROW, ...grants);
    return {
      method: { method: 'mysql', server: `127.0.0.1:${server.port}`, database: 'mqtt', ...sql },
      stop: () => server.stop(),
    };
  },
  async postgresql() {
    const server = await startPostgresql();
    await server.sql(
      TABLE,
      ROW,
      `CREATE USER gateway PASSWORD '${DB_PASSWORD}'`,
      'GRANT SELECT ON users TO gateway',
    );
    return {
      method: { method: 'postgresql', server: `127.0.0.1:${server.port}`, database: 'postgres', ...sql },
      stop: () => server.stop(),
    };
  },
};

for (const [name, start] of Object.entries(BACKENDS)) {
  test(`api authentication: credentials are tried out against ${name}, and no secret is told`, async () => {
    const [backend, admin] = await Promise.all([
      start(),
      startAdministered({ text: configText('mqtt://127.0.0.1:1') }),
    ]);
    try {
      const attempt = (pass: string, more: object = {}): Promise<TestBody> =>
        admin.ok('POST', '/authentication/test', {
          method: { ...backend.method, ...more },
          credentials: { user: 'ann', pass },
        });
      const accepted = await attempt('user-secret-13');
      assert.deepEqual([accepted.verdict, accepted.identity?.name], ['accept', 'ann'], accepted.detail);
      const rejected = await attempt('user-secret-14');
      assert.deepEqual([rejected.verdict, rejected.detail], ['reject', `${name}: wrong password`]);
      const failed = await attempt('user-secret-13', { password: 'database-secret-15' });
      assert.equal(failed.verdict, 'failed', failed.detail);
      assert.ok(failed.detail.startsWith(`${name}: `), failed.detail);
      await backend.stop();
      assert.equal((await attempt('user-secret-13')).verdict, 'failed');
      for (const text of [...admin.answers, admin.gateway.stdout, admin.gateway.stderr])
        assert.ok(!/(?:user|database)-secret/.test(text), text);
    } finally {
      await admin.stop();
      await backend.stop();
    }
  });
}
