/**
 * Checklist rows 111 and 112: the official client library does the same with nats-server and with the gateway. Each
 * script returns what a program would see; both servers must give what stands here.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ConnectionOptions, headers, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { FaultyProxy } from '../../support/faulty-proxy.ts';
import { collect, connectNats } from '../../support/nats.ts';
import { waitFor } from '../../support/wait-for.ts';
import { type Pair, startPair } from './compat.ts';

let pair: Pair;

before(async () => {
  pair = await startPair();
});

after(() => pair.stop());

type Connected = (options?: ConnectionOptions) => Promise<NatsConnection>;

/** Runs a script against both servers; every connection it opens is closed. */
async function onBoth<T>(script: (connected: Connected) => Promise<T>, expected: T): Promise<void> {
  for (const target of pair.targets) {
    const connections: NatsConnection[] = [];
    const connected: Connected = async (options) => {
      const connection = await connectNats(target, options);
      connections.push(connection);
      return connection;
    };
    try {
      assert.deepEqual(await script(connected), expected, `${target.kind} answered otherwise`);
    } finally {
      await Promise.all(connections.map((connection) => connection.close()));
    }
  }
}

/** How a request ended: its answer, or the name of what went wrong. */
async function outcome(promise: Promise<Msg>): Promise<string> {
  try {
    return (await promise).string();
  } catch (error) {
    if (!(error instanceof Error)) return String(error);
    return error.cause instanceof Error ? error.cause.name : error.name;
  }
}

const MODES: Readonly<Record<string, ConnectionOptions>> = {
  'the defaults': {},
  verbose: { verbose: true },
  pedantic: { pedantic: true },
  'verbose and pedantic': { verbose: true, pedantic: true },
};

for (const [mode, options] of Object.entries(MODES)) {
  test(`checklist 112: nats.js with ${mode}: connect, flush, publish, request`, async () => {
    await onBoth(
      async (connected) => {
        const nats = await connected(options);
        await nats.flush();
        const received = await collect(nats, 'a.>');
        nats.subscribe('service', {
          callback: (_error, message) => void message.respond(`re: ${message.string()}`),
        });
        for (const text of ['1', '2', '3']) nats.publish('a.b', text);
        await nats.flush();
        const reply = await outcome(nats.request('service', 'x', { timeout: 2_000 }));
        return { texts: received.texts, reply, isClosed: nats.isClosed() };
      },
      { texts: ['1', '2', '3'], reply: 're: x', isClosed: false },
    );
  });
}

for (const noMux of [false, true]) {
  test(`checklist 111: nats.js requests, ${noMux ? 'an inbox each' : 'one inbox for all'}`, async () => {
    await onBoth(
      async (connected) => {
        const [client, service] = [await connected(), await connected()];
        service.subscribe('echo', { callback: (_error, message) => void message.respond(message.data) });
        service.subscribe('silent');
        await service.flush();
        const options = { timeout: 500, noMux };
        const many = await Promise.all(
          Array.from({ length: 50 }, (_, index) => outcome(client.request('echo', String(index), options))),
        );
        return {
          many,
          nobody: await outcome(client.request('nobody', '', options)),
          silent: await outcome(client.request('silent', '', options)),
        };
      },
      {
        many: Array.from({ length: 50 }, (_, index) => String(index)),
        nobody: 'NoResponders',
        silent: 'TimeoutError',
      },
    );
  });
}

test('checklist 111: nats.js requestMany collects the answers of several services', async () => {
  await onBoth(
    async (connected) => {
      const client = await connected();
      for (const name of ['x', 'y', 'z']) {
        const service = await connected();
        service.subscribe('all', { callback: (_error, message) => void message.respond(name) });
        await service.flush();
      }
      const answers: string[] = [];
      for await (const message of await client.requestMany('all', '', {
        strategy: 'count',
        maxMessages: 3,
        maxWait: 3_000,
      })) {
        answers.push(message.string());
      }
      return answers.toSorted();
    },
    ['x', 'y', 'z'],
  );
});

test('checklist 111: nats.js noEcho', async () => {
  await onBoth(
    async (connected) => {
      const [quiet, other] = [await connected({ noEcho: true }), await connected()];
      const [own, others] = [await collect(quiet, 'a'), await collect(other, 'a')];
      quiet.publish('a', 'from quiet');
      await quiet.flush();
      other.publish('a', 'from other');
      await other.flush();
      await quiet.flush();
      return { own: own.texts, others: others.texts };
    },
    { own: ['from other'], others: ['from quiet', 'from other'] },
  );
});

test('checklist 111: nats.js headers', async () => {
  await onBoth(
    async (connected) => {
      const [publisher, subscriber] = [await connected(), await connected()];
      const received = await collect(subscriber, 'a');
      const given = headers();
      given.append('Color', 'red');
      given.append('color', 'lower case');
      given.append('Color', 'blue');
      given.set('With-Colon', 'a: b: c');
      given.set('Utf8', 'größe 日本');
      given.set('Empty', '');
      publisher.publish('a', 'x', { headers: given, reply: 'answers.here' });
      publisher.publish('a', 'plain', { headers: headers() });
      await publisher.flush();
      await received.count(2);
      return received.messages.map((message) => ({
        text: message.string(),
        reply: message.reply ?? '',
        headers: message.headers
          ? [...message.headers].map(([key, values]) => `${key}=${values.join('|')}`)
          : [],
      }));
    },
    [
      {
        text: 'x',
        reply: 'answers.here',
        headers: ['Color=red|blue', 'color=lower case', 'With-Colon=a: b: c', 'Utf8=größe 日本', 'Empty='],
      },
      { text: 'plain', reply: '', headers: [] },
    ],
  );
});

test('checklist 111: nats.js subscriptions with a limit and unsubscribe', async () => {
  await onBoth(
    async (connected) => {
      const nats = await connected();
      const limited = await collect(nats, 'a', { max: 2 });
      const ended = await collect(nats, 'a');
      for (let count = 0; count < 3; count++) nats.publish('a');
      await nats.flush();
      ended.subscription.unsubscribe();
      nats.publish('a');
      await nats.flush();
      return {
        limited: limited.messages.length,
        isLimitedClosed: limited.subscription.isClosed(),
        ended: ended.messages.length,
      };
    },
    { limited: 2, isLimitedClosed: true, ended: 3 },
  );
});

test('checklist 111: nats.js drain delivers what was sent before it', async () => {
  const count = 500;
  await onBoth(
    async (connected) => {
      const [publisher, subscriber] = [await connected(), await connected()];
      const received = await collect(subscriber, 'a');
      for (let index = 0; index < count; index++) publisher.publish('a', String(index));
      await publisher.flush();
      await received.subscription.drain();
      const sizeAfterDrain = received.messages.length;
      publisher.publish('a', 'too late');
      await publisher.flush();
      await subscriber.flush();
      publisher.publish('b', 'last words');
      await publisher.drain();
      return {
        sizeAfterDrain,
        isInOrder: received.texts.every((text, index) => text === String(index)),
        size: received.messages.length,
        isPublisherClosed: publisher.isClosed(),
      };
    },
    { sizeAfterDrain: count, isInOrder: true, size: count, isPublisherClosed: true },
  );
});

test('checklist 111: nats.js queue groups', async () => {
  await onBoth(
    async (connected) => {
      const [publisher, first, second] = [await connected(), await connected(), await connected()];
      const members = [
        await collect(first, 'jobs.*', { queue: 'workers' }),
        await collect(second, 'jobs.*', { queue: 'workers' }),
      ];
      const watcher = await collect(second, 'jobs.>');
      for (let index = 0; index < 100; index++) publisher.publish(`jobs.${index}`);
      await publisher.flush();
      await Promise.all([first.flush(), second.flush()]);
      const subjects = members.flatMap((member) => member.messages.map((message) => message.subject));
      return { distinct: new Set(subjects).size, all: subjects.length, watched: watcher.messages.length };
    },
    { distinct: 100, all: 100, watched: 100 },
  );
});

test('checklist 111: nats.js reconnects and subscribes again', async () => {
  for (const target of pair.targets) {
    const proxy = await FaultyProxy.start(target);
    const nats = await connectNats(proxy.url('nats'), { reconnect: true, reconnectTimeWait: 20 });
    try {
      const events: string[] = [];
      void (async () => {
        for await (const { type } of nats.status()) events.push(type);
      })();
      const received = await collect(nats, 'a');
      proxy.reset();
      await waitFor(() => events.includes('disconnect'), 10_000, 'the end of the connection');
      await waitFor(() => events.includes('reconnect'), 10_000, 'the new connection');
      nats.publish('a', 'again');
      await nats.flush();
      assert.deepEqual(received.texts, ['again'], target.kind);
    } finally {
      await nats.close();
      await proxy.stop();
    }
  }
});

test('checklist 111: nats.js errors of subscriptions and of subjects', async () => {
  await onBoth(
    async (connected) => {
      const nats = await connected({ pedantic: true });
      const events: string[] = [];
      void (async () => {
        for await (const status of nats.status()) events.push(status.type);
      })();
      const received = await collect(nats, 'a.*');
      nats.publish('a.b', 'x');
      await nats.flush();
      let refused = '';
      try {
        nats.publish('a b', 'x');
      } catch (error) {
        refused = error instanceof Error ? error.name : String(error);
      }
      await nats.flush();
      return { texts: received.texts, refused, events, isClosed: nats.isClosed() };
    },
    { texts: ['x'], refused: 'InvalidSubjectError', events: [], isClosed: false },
  );
});
