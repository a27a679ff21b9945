/** Where `nats_jwt` gets accounts from: a real folder and a real HTTP server, which may be down, slow or lie. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { AccountResolver, type ResolverSettings } from '../../../src/auth/account-resolver.ts';
import { encodeNkey } from '../../../src/nats/nkey.ts';
import { type Clock, systemClock } from '../../../src/util/clock.ts';
import { authServices } from '../../support/credentials.ts';
import { type DocumentServer, startDocumentServer } from '../../support/document-server.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { makeAccount, makeOperator } from '../../support/nats-operator.ts';
import { waitFor } from '../../support/wait-for.ts';

const signal = new AbortController().signal;
setMaxListeners(0, signal);
const operator = await makeOperator();
const account = await makeAccount(operator.pair);
const other = await makeAccount(operator.pair);

async function makeResolver(
  given: Partial<ResolverSettings>,
  clock: Clock = systemClock,
): Promise<AccountResolver> {
  const settings = {
    preload: [],
    directory: '',
    url: '',
    ca_file: '',
    timeout: 500,
    refresh: 60_000,
    ...given,
  };
  return await AccountResolver.create(settings, { ...authServices(), clock });
}

async function withServer(use: (server: DocumentServer) => Promise<void>): Promise<void> {
  const server = await startDocumentServer();
  server.documents.set(account.key, account.token);
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

test('account resolver: reads a folder anew each time', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'nmg-accounts-'));
  t.after(() => rm(directory, { recursive: true }));
  const resolver = await makeResolver({ directory });
  assert.equal(await resolver.find(account.key, signal), null);
  await writeFile(join(directory, `${account.key}.jwt`), `${account.token}\n`);
  assert.equal((await resolver.find(account.key, signal))?.token.subject, account.key);
  await writeFile(join(directory, `${account.key}.jwt`), other.token);
  assert.equal(await resolver.find(account.key, signal), null, 'the token of another account');
  await writeFile(join(directory, `${account.key}.jwt`), Buffer.alloc(2 * 1024 * 1024, 0x61));
  await assert.rejects(resolver.find(account.key, signal), /2097152 bytes/);
});

test('account resolver: asks the configuration first, then the folder, then the account server', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'nmg-accounts-'));
  t.after(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, `${other.key}.jwt`), other.token);
  await withServer(async (server) => {
    const preloaded = await makeAccount(operator.pair);
    const resolver = await makeResolver({ preload: [preloaded.token], directory, url: server.url });
    assert.ok(await resolver.find(preloaded.key, signal));
    assert.ok(await resolver.find(other.key, signal));
    assert.deepEqual(server.requests, []);
    assert.ok(await resolver.find(account.key, signal));
    assert.deepEqual(server.requests, [account.key]);
    resolver.close();
  });
});

test('account resolver: a known account outlives its server, and comes back renewed', async () => {
  await withServer(async (server) => {
    const fake = new FakeClock();
    // Age is what the test says; time-outs are real.
    const resolver = await makeResolver({ url: server.url }, { ...systemClock, now: () => fake.now() });
    await resolver.find(account.key, signal);
    for (const mode of ['fail', 'rubbish', 'redirect', 'endless', 'hang'] as const) {
      server.mode = mode;
      const before = server.requests.length;
      fake.advance(60_000);
      assert.equal((await resolver.find(account.key, signal))?.token.name, 'account', mode);
      await waitFor(() => server.requests.length > before, 2000, `a request in mode ${mode}`);
      // The next attempt is shared with a running one, so this one has to end first.
      await assert.rejects(resolver.find(other.key, signal));
    }
    server.mode = 'serve';
    const renewed = await makeAccount(operator.pair, { pair: account.pair, claims: { name: 'renewed' } });
    server.documents.set(account.key, renewed.token);
    fake.advance(60_000);
    const before = server.requests.length;
    await resolver.find(account.key, signal);
    await waitFor(() => server.requests.length > before, 2000, 'a request');
    await resolver.find(other.key, signal);
    assert.equal((await resolver.find(account.key, signal))?.token.name, 'renewed');
    resolver.close();
  });
});

const BROKEN = [
  ['fail', /status 500/],
  ['rubbish', /not the token/],
  ['redirect', /status 302/],
  ['endless', /longer than 1048576 bytes/],
  ['hang', /no answer in time/],
] as const;
for (const [mode, message] of BROKEN) {
  test(`account resolver: a server that answers with ${mode} is a failure, in bounded time`, async () => {
    await withServer(async (server) => {
      server.mode = mode;
      const resolver = await makeResolver({ url: server.url });
      await assert.rejects(resolver.find(account.key, signal), message);
      resolver.close();
    });
  });
}

test('account resolver: a server that is not there is a failure', async () => {
  const server = await startDocumentServer();
  await server.stop();
  const resolver = await makeResolver({ url: server.url });
  await assert.rejects(resolver.find(account.key, signal), /ECONNREFUSED/);
});

test('account resolver: a server may not answer with another account', async () => {
  await withServer(async (server) => {
    server.documents.set(other.key, account.token);
    const resolver = await makeResolver({ url: server.url });
    await assert.rejects(resolver.find(other.key, signal), /not the token of the account/);
    resolver.close();
  });
});

test('account resolver: strangers cannot make it ask for the same unknown account again and again', async () => {
  await withServer(async (server) => {
    const resolver = await makeResolver({ url: server.url });
    const unknown = encodeNkey(randomBytes(32), 'account');
    for (let i = 0; i < 10; i++) assert.equal(await resolver.find(unknown, signal), null);
    assert.deepEqual(server.requests, [unknown]);
    resolver.close();
  });
});

test('account resolver: nor ask for very many at a time', async () => {
  await withServer(async (server) => {
    server.mode = 'hang';
    const resolver = await makeResolver({ url: server.url });
    const answers = await Promise.allSettled(
      Array.from({ length: 200 }, () => resolver.find(encodeNkey(randomBytes(32), 'account'), signal)),
    );
    assert.ok(answers.every(({ status }) => status === 'rejected'));
    assert.ok(server.requests.length <= 16, `${server.requests.length} requests`);
    resolver.close();
  });
});
