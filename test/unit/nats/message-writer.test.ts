import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { writeMsg } from '../../../src/nats/encoder.ts';
import { MessageWriter } from '../../../src/nats/message-writer.ts';
import { OutputBuffer } from '../../../src/util/output-buffer.ts';

const CHUNK = Buffer.from(Array.from({ length: 4096 }, (_, i) => 0x20 + (i % 90)));
const SUBJECTS = ['a', 'orders.new', 'a'].map((name) => Buffer.from(name));

/** A message is decoded into the same object as the one before it. */
const message = { body: CHUNK, payloadStart: 0, payloadEnd: 0, sequence: 0 };

/** What one client gets, and what it would get from `writeMsg`. */
class Client {
  received = '';
  wanted = '';
  readonly #out = new OutputBuffer();

  give(writer: MessageWriter, subject: Buffer, sid: Buffer, one: typeof message): void {
    writer.write(this.#out, subject, sid, one);
    const alone = new OutputBuffer();
    writeMsg(alone, subject, sid, null, one.body, one.payloadStart, one.payloadEnd);
    this.wanted += Buffer.concat(alone.take()).toString();
  }

  /** The memory goes to whoever writes next. */
  flush(): void {
    const bytes = Buffer.concat(this.#out.take());
    this.received += bytes.toString();
    this.#out.release(bytes.length);
  }
}

test('message-writer: whatever goes to whom, everybody gets the same bytes as one by one', () => {
  const delivery = fc.record({
    client: fc.nat({ max: 4 }),
    sid: fc.constantFrom('1', '2', '10', '1'),
    subject: fc.constantFrom(...SUBJECTS),
    isFlushed: fc.boolean(),
  });
  const publication = fc.record({
    start: fc.nat({ max: 300 }),
    size: fc.oneof(fc.nat({ max: 200 }), fc.integer({ min: 1000, max: 1100 })),
    isAnotherObject: fc.boolean(),
    deliveries: fc.array(delivery, { maxLength: 12 }),
  });
  fc.assert(
    fc.property(fc.array(publication, { maxLength: 12 }), (publications) => {
      const writer = new MessageWriter();
      const clients = Array.from({ length: 5 }, () => new Client());
      for (const { start, size, isAnotherObject, deliveries } of publications) {
        const one = isAnotherObject ? { ...message } : message;
        message.sequence++;
        Object.assign(one, { payloadStart: start, payloadEnd: start + size, sequence: message.sequence });
        const all = deliveries.map((each) => ({ ...each, to: clients[each.client] ?? new Client() }));
        for (const { to, sid, subject } of all) to.give(writer, subject, Buffer.from(sid), one);
        for (const { to } of all.filter(({ isFlushed }) => isFlushed)) to.flush();
      }
      for (const client of clients) client.flush();
      for (const client of clients) assert.equal(client.received, client.wanted);
    }),
  );
});

test('message-writer: many clients with one sid get copies of what was written once', () => {
  const writer = new MessageWriter();
  message.payloadStart = 3;
  message.payloadEnd = 131;
  message.sequence++;
  const [subject] = SUBJECTS;
  assert.ok(subject);
  for (let i = 0; i < 100; i++) {
    const out = new OutputBuffer();
    writer.write(out, subject, Buffer.from('7'), message);
    assert.equal(
      Buffer.concat(out.take()).toString(),
      `MSG a 7 128\r\n${CHUNK.toString('latin1', 3, 131)}\r\n`,
    );
  }
});
