/**
 * What every method that looks users up in a database has to do, one set of tests for all of them, with the real database
 * behind a proxy that misbehaves on command. No gateway is needed for it.
 */
import assert from 'node:assert/strict';
import { createHash, pbkdf2Sync, randomBytes, randomInt } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { after, afterEach, before, describe, test } from 'node:test';
import { hashSync } from 'bcryptjs';
import type { Authenticator, Credentials, Identity, Verdict } from '../../../src/auth/authenticator.ts';
import type { AuthServices } from '../../../src/auth/services.ts';
import { createLogger } from '../../../src/util/logger.ts';
import { authServices, credentials } from '../../support/credentials.ts';
import { FaultyProxy } from '../../support/faulty-proxy.ts';
import { listenOnFreePort } from '../../support/free-port.ts';
import { SpoilingProxy, spoilEveryThirdByte } from '../../support/spoiling-proxy.ts';
import { waitFor, within } from '../../support/wait-for.ts';
import { ALL_FAULTS, testContract } from './contract.ts';

/** A row, or the fields of a hash. */
export type UserRecord = Readonly<Record<string, string | number | null>>;

/** Settings that the tests change; the rest is the business of whoever makes the method. */
export interface MethodOptions {
  /** Of the server or of what stands before it. */
  readonly port: number;
  readonly password?: string;
  readonly algorithm?: { readonly name: string; readonly salt_position?: string };
  readonly tls?: Readonly<Record<string, unknown>>;
  readonly poolSize?: number;
}

/** A database with the users of the tests in it. */
export interface UserDatabase {
  readonly port: number;
  /** Where it speaks TLS. */
  readonly tlsPort: number;
  readonly certificates: { readonly ca: string; readonly clientCert: string; readonly clientKey: string };
  /** Of the gateway's account. */
  readonly password: string;
  addUser(name: string, record: UserRecord): Promise<void>;
  countUsers(): Promise<number>;
  create(options: MethodOptions, services: AuthServices): Promise<Authenticator>;
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Time-outs that `create` has to set. */
export const QUERY_TIMEOUT = 600;
export const CONNECT_TIMEOUT = 900;
/** Every answer has to come within this, whatever the backend does. */
const LIMIT_MS = CONNECT_TIMEOUT + QUERY_TIMEOUT + 500;
const RECOVERY_LIMIT_MS = 5_000;
const PASSWORD = 'sesame-of-the-users';
/** The databases' words. */
const WRONG_PASSWORD = /denied|authentication failed|WRONGPASS|NOAUTH/i;
const SHA256 = { name: 'sha256', salt_position: 'suffix' } as const;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Names that would find somebody, or do harm, if they became part of a query or command. */
const INJECTIONS = [
  "' OR '1'='1",
  "ann' -- ",
  "ann' #",
  'ann" OR "1"="1',
  "\\' OR 1=1 -- ",
  "ann'; DROP TABLE users; -- ",
  "' UNION SELECT password_hash, salt, 1 FROM users WHERE username='ann",
  '${connect.user}',
  '$1',
  '?',
  '%',
  '*',
  'ann\0',
  '\0',
  'ann\r\nFLUSHALL\r\n',
  'ann password_hash salt\r\n*1\r\n$8\r\nFLUSHALL\r\n',
  'ann ',
  ' ann',
  'ANN',
  'änn',
  '\ud800',
  '\u202eann',
  '__proto__',
  `ann${'x'.repeat(4_000)}`,
  '',
];

/**
 * Registers the contract that all methods have, with real clients and a gateway.
 * @param settingsOf the entry of `authentication` for a database behind this port
 */
export function testDatabaseContract(
  method: string,
  start: () => Promise<UserDatabase>,
  settingsOf: (port: number) => Readonly<Record<string, unknown>>,
): void {
  testContract(
    method,
    async () => {
      const database = await start();
      const proxy = await FaultyProxy.start({ port: database.port });
      const spoiler = await SpoilingProxy.start(proxy.port);
      await database.addUser('ann', { password_hash: sha256(`${PASSWORD}salt`), salt: 'salt' });
      await database.addUser("o'neil", { password_hash: sha256(PASSWORD), salt: '' });
      return {
        settings: settingsOf(spoiler.port),
        good: ['ann', "o'neil"].map((user) => ({
          name: user,
          options: { user, pass: PASSWORD },
          identity: user,
        })),
        bad: [
          { name: 'wrong password', options: { user: 'ann', pass: `${PASSWORD}x` } },
          { name: 'empty password', options: { user: 'ann', pass: '' } },
          ...INJECTIONS.filter((user) => user.length < 1_000).map((user) => ({
            name: JSON.stringify(user),
            options: { user, pass: PASSWORD },
          })),
        ],
        secrets: [PASSWORD, database.password, sha256(`${PASSWORD}salt`)],
        backend: {
          stop: () => proxy.stop(),
          stall: async () => proxy.stall(),
          garble: async () => {
            spoiler.spoil = spoilEveryThirdByte;
          },
          mend: async () => {
            spoiler.spoil = null;
            proxy.heal();
            await proxy.accept();
          },
        },
        stop: async () => {
          spoiler.stop();
          await proxy.stop();
          await database.stop();
        },
      };
    },
    ALL_FAULTS,
  );
}

/** Registers the tests of a method by itself. */
export function testStoredUsers(method: string, start: () => Promise<UserDatabase>): void {
  describe(`users in ${method}`, () => {
    let database: UserDatabase;
    let proxy: FaultyProxy;
    let services: AuthServices & { close(): Promise<void> };
    let users: Authenticator;
    let log = '';
    const others: Authenticator[] = [];
    const failures: unknown[] = [];
    const closers: (() => unknown)[] = [];

    const create = async (options: Partial<MethodOptions> = {}): Promise<Authenticator> => {
      const one = await database.create({ port: proxy.port, algorithm: SHA256, ...options }, services);
      others.push(one);
      return one;
    };
    const ask = async (
      fields: Partial<Credentials>,
      whom = users,
      signal = new AbortController().signal,
    ): Promise<Verdict> => {
      const shown = credentials({ pass: PASSWORD, ...fields });
      try {
        return await within(whom.authenticate(shown, signal), LIMIT_MS, 'an answer');
      } catch (error) {
        failures.push(error);
        throw error;
      }
    };
    const identity = async (user: string, whom = users): Promise<Identity> => {
      const verdict = await ask({ user }, whom);
      assert.equal(verdict.kind, 'accept', user);
      return verdict.identity;
    };
    const recovers = (whom = users): Promise<unknown> =>
      waitFor(
        async () => (await ask({ user: 'ann' }, whom)).kind === 'accept',
        RECOVERY_LIMIT_MS,
        'recovery',
      );
    const fails = async (whom: Authenticator, code?: RegExp): Promise<void> => {
      await assert.rejects(ask({ user: 'ann' }, whom), (error: Error & { code?: string }) => {
        assert.equal(error.name, 'BackendError', error.stack);
        if (code !== undefined) assert.match(`${error.code} ${error.message}`, code);
        return true;
      });
    };
    const listen = async (onSocket: (socket: Socket) => void): Promise<number> => {
      const sockets = new Set<Socket>();
      const server: Server = createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => socket.destroy());
        onSocket(socket);
      });
      closers.push(() => {
        server.close();
        for (const socket of sockets) socket.destroy();
      });
      return await listenOnFreePort(server);
    };

    before(async () => {
      const destination = new Writable({
        write(chunk, _encoding, done) {
          log += String(chunk);
          done();
        },
      });
      const logger = await createLogger({ level: 'trace', format: 'json', destination });
      services = { ...authServices(), logger };
      database = await start();
      proxy = await FaultyProxy.start({ port: database.port });
      await database.addUser('ann', { password_hash: sha256(`${PASSWORD}salt`), salt: 'salt' });
      users = await database.create({ port: proxy.port, algorithm: SHA256 }, services);
    });
    afterEach(async () => {
      await Promise.all(others.splice(0).map((one) => one.close()));
      for (const close of closers.splice(0)) close();
    });
    after(async () => {
      await users.close();
      await waitFor(() => proxy.openConnections === 0, RECOVERY_LIMIT_MS, 'all connections to be closed');
      // The chain logs name, code and message; whatever else hangs on an error is in danger of being logged.
      for (const error of failures) services.logger.error({ event: 'test.failure', err: error }, 'failed');
      for (const secret of [PASSWORD, database.password, sha256(`${PASSWORD}salt`)])
        assert.equal(log.includes(secret), false, 'a secret is in the log');
      await proxy.stop();
      await database.stop();
      await services.close();
    });

    test(`${method}: the right password, a wrong one, none, and a user that does not exist`, async () => {
      assert.deepEqual(await identity('ann'), {
        name: 'ann',
        method,
        permissions: null,
        expiresAtMs: null,
        isSuperuser: false,
        clientId: null,
        mountpoint: null,
        maxSubscriptions: null,
        maxPayloadBytes: null,
        attributes: {},
      });
      assert.equal((await ask({ user: 'ann', pass: `${PASSWORD}x` })).kind, 'reject');
      assert.equal((await ask({ user: 'ann', pass: sha256(`${PASSWORD}salt`) })).kind, 'reject');
      assert.equal((await ask({ user: 'ann', pass: '' })).kind, 'skip');
      assert.equal((await ask({ user: 'bob' })).kind, 'skip');
      assert.equal((await ask({ pass: '', token: 'token' })).kind, 'skip');
    });

    test(`${method}: no name becomes part of a query or command`, async () => {
      const count = await database.countUsers();
      for (const user of INJECTIONS) {
        const verdict = await ask({ user });
        assert.equal(verdict.kind, 'skip', JSON.stringify(user.slice(0, 40)));
      }
      assert.equal(await database.countUsers(), count);
      await identity('ann');
    });

    test(`${method}: names with quotes, blanks and other scripts find their own user`, async () => {
      for (const name of ["o'neil", 'a b', '"q"', 'back\\slash', 'Ünïcödé 日本', '😀', '%']) {
        await database.addUser(name, { password_hash: sha256(PASSWORD), salt: '' });
        assert.equal((await identity(name)).name, name);
      }
    });

    test(`${method}: superusers, permissions, end, client id and mountpoint come from the database`, async () => {
      await database.addUser('full', {
        password_hash: sha256(PASSWORD),
        salt: '',
        is_superuser: 1,
        permissions: JSON.stringify({ publish: { allow: ['a.>'], deny: ['a.b'] }, subscribe: ['c'] }),
        expire_at: 4_102_444_800,
        client_id: 'client-7',
        mountpoint: 'acme/',
      });
      const { name, method: by, attributes, ...rest } = await identity('full');
      assert.deepEqual([name, by, attributes], ['full', method, {}]);
      assert.deepEqual(rest, {
        isSuperuser: true,
        permissions: {
          publish: { allow: ['a.>'], deny: ['a.b'] },
          subscribe: { allow: ['c'], deny: [] },
          allowResponses: null,
        },
        expiresAtMs: 4_102_444_800_000,
        clientId: 'client-7',
        mountpoint: 'acme/',
        maxSubscriptions: null,
        maxPayloadBytes: null,
      });
      await database.addUser('late', { password_hash: sha256(PASSWORD), salt: '', expire_at: 1_000_000 });
      assert.equal((await ask({ user: 'late' })).kind, 'reject');
    });

    test(`${method}: what makes no sense in the database is a failure, and the next one works`, async () => {
      await database.addUser('odd', { password_hash: sha256(PASSWORD), salt: '', permissions: '{"publish' });
      await assert.rejects(ask({ user: 'odd' }), { name: 'BackendError', code: 'MALFORMED' });
      await identity('ann');
    });

    const hashes: [name: string, hash: string][] = [
      ['plain', PASSWORD],
      ['bcrypt', hashSync(PASSWORD, 4)],
      ['pbkdf2', pbkdf2Sync(PASSWORD, 'salt', 4096, 32, 'sha256').toString('hex')],
    ];
    for (const [name, hash] of hashes) {
      test(`${method}: passwords stored as ${name}`, async () => {
        await database.addUser(`by-${name}`, { password_hash: hash, salt: 'salt' });
        const own = await create({ algorithm: { name } });
        await identity(`by-${name}`, own);
        assert.equal((await ask({ user: `by-${name}`, pass: 'x' }, own)).kind, 'reject');
        assert.equal((await ask({ user: 'nobody' }, own)).kind, 'skip');
      });
    }

    test(`${method}: many at once share few connections`, async () => {
      const own = await create({ poolSize: 2 });
      const before = proxy.openConnections;
      const verdicts = await Promise.all(Array.from({ length: 200 }, () => ask({ user: 'ann' }, own)));
      assert.ok(verdicts.every(({ kind }) => kind === 'accept'));
      assert.ok(proxy.openConnections - before <= 2, String(proxy.openConnections - before));
    });

    test(`${method}: a restart of the database is not noticed by the next client`, async () => {
      await identity('ann');
      await database.restart();
      await identity('ann');
    });

    test(`${method}: a dead database is a failure in bounded time, and recovery needs no restart`, async () => {
      await database.kill();
      await fails(users, /ECONNREFUSED|ECONNRESET|closed|lost|terminated/i);
      await database.restart();
      await recovers();
      assert.match(log, /"event":"auth.backend_down"/);
      assert.match(log, /"event":"auth.backend_up"/);
    });

    test(`${method}: a database that is down at the start is found when it is up`, async () => {
      await database.kill();
      const own = await create();
      await fails(own, /ECONNREFUSED|ECONNRESET|closed|lost|terminated/i);
      await database.restart();
      await recovers(own);
    });

    test(`${method}: a database that takes 10 s is a failure in bounded time`, async () => {
      await identity('ann');
      proxy.delay(10_000);
      await fails(users, /TIMEOUT|timeout/);
      await Promise.all(Array.from({ length: 20 }, () => fails(users)));
      proxy.delay(0);
      // What is still on its way would keep the old connections open for 10 s.
      proxy.cut();
      await recovers();
    });

    test(`${method}: a link that is half open is a failure in bounded time`, async () => {
      await identity('ann');
      proxy.stall();
      await fails(users, /TIMEOUT|timeout/);
      const fresh = await create();
      await fails(fresh, /TIMEOUT|timeout/);
      proxy.resume();
      await recovers();
    });

    test(`${method}: who does not wait any longer gets no answer, and others do`, async () => {
      await identity('ann');
      proxy.stall();
      const controller = new AbortController();
      const answer = ask({ user: 'ann' }, users, controller.signal);
      controller.abort(new Error('nobody waits'));
      await assert.rejects(answer, /nobody waits/);
      await assert.rejects(ask({ user: 'ann' }, users, controller.signal), /nobody waits/);
      proxy.resume();
      await recovers();
    });

    test(`${method}: an endpoint that talks rubbish is a failure, whatever it says`, async () => {
      const openings = [
        'HTTP/1.1 400 Bad Request\r\n\r\n',
        '\0',
        '\n',
        '-ERR unknown\r\n',
        '$99999999999\r\n',
        '*-5\r\n*999999999\r\n',
        Buffer.alloc(64, 0xff),
        Buffer.from('0a0000000a352e352e350001000000', 'hex'),
        Buffer.from('5200000008000000005a0000000549', 'hex'),
        Buffer.from('520000000c00000005aabbccdd440000000affff00000001', 'hex'),
        randomBytes(4_096),
      ];
      const meet = async (opening: string | Buffer): Promise<void> => {
        const port = await listen((socket) => {
          socket.write(opening);
          socket.on('data', () => socket.write(opening));
        });
        await fails(await create({ port }));
      };
      await Promise.all(openings.map(meet));
    });

    test(`${method}: a database whose answers are garbled is a failure, and recovery needs no restart`, async () => {
      const meet = async (spoil: (bytes: Buffer) => void): Promise<void> => {
        const spoiler = await SpoilingProxy.start(database.port);
        closers.push(() => spoiler.stop());
        const own = await create({ port: spoiler.port });
        await identity('ann', own);
        for (let round = 0; round < 4; round++) {
          spoiler.spoil = spoil;
          const outcome = await ask({ user: 'ann' }, own).catch((error: Error) => error);
          // A single wrong byte may hit what nobody looks at.
          if (outcome instanceof Error) assert.equal(outcome.name, 'BackendError', outcome.stack);
          else if (spoil === spoilEveryThirdByte) assert.notEqual(outcome.kind, 'accept');
          spoiler.spoil = null;
          await recovers(own);
        }
      };
      await Promise.all([spoilEveryThirdByte, ...Array.from({ length: 9 }, () => oneByte)].map(meet));
    });

    test(`${method}: TLS with a client certificate; other authorities and names fail, and so does a wrong password of the gateway`, async () => {
      const { ca, clientCert, clientKey } = database.certificates;
      const port = database.tlsPort;
      const tls = { enable: true, ca_file: ca, cert_file: clientCert, key_file: clientKey };
      await identity('ann', await create({ port, tls }));
      const unverified = { ...tls, ca_file: '', verify: false };
      const otherName = { ...tls, server_name: 'db.example.org' };
      await Promise.all([
        identity('ann', await create({ port, tls: unverified })),
        fails(await create({ port, tls: { ...tls, ca_file: '' } }), /certificate|SELF_SIGNED|UNABLE/i),
        fails(await create({ port, tls: otherName }), /altname|ALTNAME/i),
        fails(await create({ password: `${database.password}-wrong` }), WRONG_PASSWORD),
      ]);
    });
  });
}

function oneByte(bytes: Buffer): void {
  const place = randomInt(bytes.length);
  bytes[place] = (bytes[place] ?? 0) ^ randomInt(1, 256);
}
