/** Clients looked at and sent away, and messages watched as they cross; with one process and with workers. */
import assert from 'node:assert/strict';
import { get } from 'node:http';
import { after, before, test } from 'node:test';
import type { ClientsBody, KickedBody, StatusBody } from '../../../../src/admin/api-types.ts';
import type { TapMessage } from '../../../../src/control/tap.ts';
import { basic } from '../../../support/admin.ts';
import {
  ADMIN_PASSWORD,
  type Administered,
  configText,
  startAdministered,
} from '../../../support/administered.ts';
import { type Mosquitto, startMosquitto } from '../../../support/mosquitto.ts';
import { connectNats } from '../../../support/nats.ts';
import { waitFor } from '../../../support/wait-for.ts';

let broker: Mosquitto;
before(async () => {
  broker = await startMosquitto();
});
after(() => broker.stop());

/** Reads server-sent events until the stream ends. */
class EventReader {
  readonly messages: TapMessage[] = [];
  status = 0;
  contentType = '';
  hasEnded = false;
  readonly #request: ReturnType<typeof get>;
  #rest = '';

  constructor(url: string) {
    this.#request = get(url, { headers: basic('admin', ADMIN_PASSWORD), agent: false }, (response) => {
      this.status = response.statusCode ?? 0;
      this.contentType = String(response.headers['content-type']);
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => this.#take(chunk));
      response.on('close', () => {
        this.hasEnded = true;
      });
    });
    this.#request.on('error', () => {
      this.hasEnded = true;
    });
  }

  close(): void {
    this.#request.destroy();
  }

  #take(chunk: string): void {
    const parts = (this.#rest + chunk).split('\n\n');
    this.#rest = parts.pop() ?? '';
    for (const part of parts) {
      if (part.startsWith('data: ')) this.messages.push(JSON.parse(part.slice(6)) as TapMessage);
    }
  }
}

for (const workers of [1, 2]) {
  test(`api: clients, kicks and taps (${workers} workers)`, async () => {
    const text = configText(broker.url, workers === 1 ? '' : `\n  "workers": ${workers},`);
    const admin = await startAdministered({ text });
    try {
      await lookAtClients(admin, workers);
      await watchMessages(admin);
    } finally {
      await admin.stop();
    }
  });
}

async function lookAtClients(admin: Administered, workers: number): Promise<void> {
  const clients = await Promise.all(
    ['one', 'two', 'three'].map((name) => connectNats(admin.gateway, { name, user: 'crowd' })),
  );
  clients[0]?.subscribe('rooms.*', { callback: () => {} });
  await Promise.all(clients.map((client) => client.flush()));
  const status = await admin.ok<StatusBody>('GET', '/status');
  assert.equal(status.overview.connections, 3);
  assert.equal(status.overview.workers.length, workers);
  assert.equal(status.readiness.isReady, true);
  const names = async (query: string): Promise<string[]> =>
    (await admin.ok<ClientsBody>('GET', `/clients${query}`)).clients.map(({ name }) => name);
  assert.deepEqual((await names('')).sort(), ['one', 'three', 'two']);
  assert.deepEqual(await names('?search=THR'), ['three']);
  assert.deepEqual(await names('?subject=rooms.1'), ['one']);
  assert.deepEqual(await names('?sort=subs&limit=1'), ['one']);
  const first = await names('?sort=cid&limit=2');
  const rest = await names('?sort=cid&limit=2&offset=2');
  assert.deepEqual([...first, ...rest].sort(), ['one', 'three', 'two']);
  assert.deepEqual(await names('?sort=cid&reversed=true'), [...first, ...rest].reverse());

  const [one, ...others] = clients;
  const { kicked } = await admin.ok<KickedBody>('DELETE', `/clients/${one?.info?.client_id}`);
  assert.equal(kicked, 1);
  await one?.closed();
  assert.equal((await admin.ok<KickedBody>('POST', '/clients/kick', { user: 'crowd' })).kicked, 2);
  await Promise.all(others.map((client) => client.closed()));
  const closed = await admin.ok<ClientsBody>('GET', '/clients?state=closed&user=crowd');
  assert.deepEqual(
    closed.clients.map(({ reason }) => reason),
    ['Kicked', 'Kicked', 'Kicked'],
  );
}

async function watchMessages(admin: Administered): Promise<void> {
  const client = await connectNats(admin.gateway, { name: 'talker' });
  const request = { subject: 'talk.>', durationMs: 60_000, maxPerSecond: 100, payloadBytes: 5 };
  const { id } = await admin.ok<{ id: string }>('POST', '/taps', request);
  const events = new EventReader(admin.url(`/taps/${id}/events`));
  await waitFor(() => events.status === 200, 5_000, 'the stream');
  assert.match(events.contentType, /^text\/event-stream/);
  assert.equal((await admin.refused('GET', `/taps/${id}/events`)).status, 409);
  client.publish('talk.shop', 'business');
  client.publish('quiet.room', 'hush');
  await client.flush();
  await waitFor(() => events.messages.length === 1, 5_000, 'the message');
  const [message] = events.messages;
  assert.ok(message?.type === 'event');
  const { subject, topic, payload, payloadBytes, direction } = message.event;
  assert.deepEqual(
    [subject, topic, Buffer.from(payload, 'base64').toString(), payloadBytes, direction],
    ['talk.shop', 'talk/shop', 'busin', 8, 'to_broker'],
  );
  // Who was cut off comes back to the same tap.
  events.close();
  await waitFor(() => events.hasEnded, 5_000, 'the end of the first stream');
  let again = new EventReader(admin.url(`/taps/${id}/events`));
  await waitFor(
    () => {
      if (again.status === 409) again = new EventReader(admin.url(`/taps/${id}/events`));
      return again.status === 200;
    },
    5_000,
    'the second stream',
  );
  client.publish('talk.again', '');
  await waitFor(() => again.messages.length === 1, 5_000, 'the second message');
  assert.equal((await admin.ask('DELETE', `/taps/${id}`)).status, 204);
  await waitFor(() => again.hasEnded, 5_000, 'the end');
  assert.deepEqual(again.messages.at(-1), { type: 'ended', reason: 'closed' });
  assert.equal((await admin.refused('GET', `/taps/${id}/events`)).status, 404);
  assert.equal((await admin.refused('DELETE', `/taps/${id}`)).status, 404);
  await client.close();

  const many = await Promise.all(Array.from({ length: 9 }, () => admin.ask('POST', '/taps', request)));
  assert.deepEqual(
    many
      .map(({ status }) => status)
      .sort()
      .slice(-2),
    [201, 429],
  );
}
