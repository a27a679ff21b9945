/** The method `redis` against Redis: a single one, behind a sentinel, and a cluster. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { createRedisAuthenticator, type RedisSettings } from '../../../src/auth/authenticators/redis.ts';
import type { AuthServices } from '../../../src/auth/services.ts';
import { REDIS_KEYS } from '../../../src/config/authentication/redis.ts';
import { parseGroup } from '../../../src/config/entries.ts';
import { authServices, credentials } from '../../support/credentials.ts';
import { LOOPBACK } from '../../support/free-port.ts';
import { startRedis, startRedisCluster, startSentinel, startTlsRedis } from '../../support/redis.ts';
import { waitFor } from '../../support/wait-for.ts';
import {
  CONNECT_TIMEOUT,
  type MethodOptions,
  QUERY_TIMEOUT,
  testDatabaseContract,
  testStoredUsers,
  type UserDatabase,
  type UserRecord,
} from './stored-users.ts';

const PASSWORD = 'gateway-at-redis';
const USER_PASSWORD = 'sesame-of-the-users';
const HASH = createHash('sha256').update(USER_PASSWORD).digest('hex');
const FIELDS = 'password_hash salt is_superuser permissions expire_at client_id mountpoint';
const RECOVERY_LIMIT_MS = 10_000;

async function start(): Promise<UserDatabase> {
  const server = await startTlsRedis({ password: PASSWORD });
  const users = new Map<string, UserRecord>();
  const store = async (name: string, record: UserRecord): Promise<void> => {
    const pairs = Object.entries(record).filter(([, value]) => value !== null && value !== '');
    await server.command('hset', `mqtt_user:${name}`, ...(pairs.flat() as string[]));
  };
  return {
    port: server.port,
    tlsPort: server.tlsPort,
    certificates: server.certificates,
    password: PASSWORD,
    async addUser(name, record) {
      users.set(name, record);
      await store(name, record);
    },
    countUsers: async () => Number(await server.command('dbsize')),
    create: (options: MethodOptions, services: AuthServices) =>
      createRedisAuthenticator(settings({ ...options, password: options.password ?? PASSWORD }), services),
    kill: () => server.kill(),
    async restart() {
      await server.restart();
      for (const [name, record] of users) await store(name, record);
    },
    stop: () => server.stop(),
  };
}

testStoredUsers('redis', start);
testDatabaseContract('redis', start, (port) =>
  fileSettings({ port, algorithm: { name: 'sha256' }, password: PASSWORD }),
);

function settings(options: MethodOptions, more: Readonly<Record<string, unknown>> = {}): RedisSettings {
  return parseGroup(REDIS_KEYS, fileSettings(options, more));
}

/** As they stand in the configuration file. */
function fileSettings(
  options: MethodOptions,
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    servers: [`${LOOPBACK}:${options.port}`],
    password: options.password,
    command: `HMGET mqtt_user:\${connect.user} ${FIELDS}`,
    password_hash_algorithm: options.algorithm ?? { salt_position: 'disable' },
    connect_timeout: `${CONNECT_TIMEOUT}ms`,
    query_timeout: `${QUERY_TIMEOUT}ms`,
    tls: options.tls,
    ...more,
  };
}

/** Asks until it works: a cluster or a new master takes its time. */
async function accepts(own: RedisSettings, user: string): Promise<void> {
  const services = authServices();
  const users = await createRedisAuthenticator(own, services);
  try {
    const shown = credentials({ user, pass: USER_PASSWORD });
    const ask = () => users.authenticate(shown, new AbortController().signal);
    await waitFor(async () => (await ask()).kind === 'accept', RECOVERY_LIMIT_MS, `${user} to be accepted`);
  } finally {
    await users.close();
    await services.close();
  }
}

test('redis: each of the commands finds the user; a key of another kind is nobody', async () => {
  const server = await startRedis();
  const services = authServices();
  try {
    await server.command('hset', 'hash:ann', 'password_hash', HASH);
    await server.command('set', 'text:ann', HASH);
    await server.command('set', 'json:ann', JSON.stringify({ password_hash: HASH, is_superuser: true }));
    for (const [command, isSuperuser] of [
      ['HGET hash:${username} password_hash', false],
      ['HMGET hash:${username} password_hash salt', false],
      ['HGETALL hash:${username}', false],
      ['GET text:${username}', false],
      ['GET json:${username}', true],
    ] as const) {
      const users = await createRedisAuthenticator(settings({ port: server.port }, { command }), services);
      const ask = (user: string) =>
        users.authenticate(credentials({ user, pass: USER_PASSWORD }), new AbortController().signal);
      const verdict = await ask('ann');
      assert.equal(verdict.kind, 'accept', command);
      assert.equal(verdict.identity.isSuperuser, isSuperuser, command);
      assert.equal((await ask('bob')).kind, 'skip', command);
      await server.command('lpush', `${command.split(/[ :]/)[1]}:list`, 'x');
      assert.equal((await ask('list')).kind, 'skip', command);
      await users.close();
    }
  } finally {
    await services.close();
    await server.stop();
  }
});

test('redis: a sentinel says where the server is', async () => {
  const server = await startRedis({ password: PASSWORD });
  const sentinel = await startSentinel(server, PASSWORD);
  try {
    await server.command('hset', 'mqtt_user:ann', 'password_hash', HASH);
    const more = { mode: 'sentinel', sentinel_master: 'mqtt' };
    await accepts(settings({ port: sentinel.port, password: PASSWORD }, more), 'ann');
  } finally {
    await sentinel.stop();
    await server.stop();
  }
});

test('redis: users are found on whichever node of a cluster they are', async () => {
  const nodes = await startRedisCluster();
  const services = authServices();
  try {
    const [first] = nodes;
    assert.ok(first !== undefined);
    const users = await createRedisAuthenticator(
      settings({ port: first.port }, { mode: 'cluster' }),
      services,
    );
    const ask = (user: string) =>
      users.authenticate(credentials({ user, pass: USER_PASSWORD }), new AbortController().signal);
    let asked = 0;
    for (const node of nodes) {
      for (let i = 0; i < 8; i++) {
        const key = `mqtt_user:u${i}`;
        // A node takes the keys of its own slots only.
        const answer = await node.command('hset', key, 'password_hash', HASH).catch((error: Error) => error);
        if (answer instanceof Error) continue;
        assert.equal((await ask(`u${i}`)).kind, 'accept');
        asked++;
      }
    }
    assert.equal(asked, 8);
    await users.close();
  } finally {
    await services.close();
    for (const node of nodes) await node.stop();
  }
});
