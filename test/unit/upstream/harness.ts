/** Stand-ins around the parts of `upstream/` that neither open sockets nor know MQTT.js. */
import type { InboundPublication, OutboundPublication } from '../../../src/mqtt/publication.ts';
import type { SubscribeRequest, Subscriber } from '../../../src/session/ports.ts';
import type { SubscribeOptions } from '../../../src/upstream/mqtt-link.ts';
import type { FilterWire } from '../../../src/upstream/subscription-table.ts';
import type { LogFields, Logger, LogLevel } from '../../../src/util/logger.ts';

let sequence = 0;

/** A message from the broker. */
export function inbound(
  topic: string,
  payload = '',
  options: Partial<InboundPublication> = {},
): InboundPublication {
  const topicBuffer = Buffer.from(topic);
  const body = Buffer.from(payload);
  return {
    sequence: ++sequence,
    topicBuffer,
    topicStart: 0,
    topicEnd: topicBuffer.length,
    body,
    payloadStart: 0,
    payloadEnd: body.length,
    qos: 0,
    retain: false,
    properties: null,
    wireUserProperties: null,
    ...options,
  };
}

/** A message to the broker with bytes of other messages around its payload, as the parser's chunks have. */
export function outbound(topic: string, payload: string): OutboundPublication {
  return {
    topic: { text: topic, bytes: Buffer.from(topic) },
    body: Buffer.from(`before${payload}after`),
    payloadStart: 6,
    payloadEnd: 6 + Buffer.byteLength(payload),
    qos: 1,
    retain: false,
    properties: null,
  };
}

/** Writes down what it is told. */
export class RecordingSubscriber implements Subscriber {
  readonly payloads: string[] = [];
  readonly subacks: number[] = [];
  /** Takes deliveries; see {@link Subscriber.deliver}. */
  isWilling = true;

  deliver(message: InboundPublication): boolean {
    if (!this.isWilling) return false;
    this.payloads.push(message.body.toString('utf8', message.payloadStart, message.payloadEnd));
    return true;
  }

  onSuback(code: number): void {
    this.subacks.push(code);
  }
}

/** A request for a filter, `$share` name in front of a colon: `crew:a/#`. */
export function request(text: string, subscriber: Subscriber, qos: 0 | 1 = 0, scope = ''): SubscribeRequest {
  const [first = '', second] = text.split(':');
  return { filter: second ?? first, shareName: second === undefined ? null : first, scope, qos, subscriber };
}

/** The broker's side of a table: every change waits until the test answers it. */
export class ScriptedWire implements FilterWire {
  /** What was asked for, oldest first, such as `sub a/# qos1 rh0 id1`. */
  readonly asked: string[] = [];
  #answers: ((code: number) => void)[] = [];

  subscribe(filter: string, options: SubscribeOptions, done: (code: number) => void): void {
    const { qos, retainHandling, identifier } = options;
    this.asked.push(`sub ${filter} qos${qos} rh${retainHandling} id${identifier}`);
    this.#answers.push(done);
  }

  unsubscribe(filter: string, done: () => void): void {
    this.asked.push(`unsub ${filter}`);
    this.#answers.push(done);
  }

  later(job: () => void): void {
    job();
  }

  barrier(done: () => void): void {
    this.asked.push('barrier');
    this.#answers.push(done);
  }

  /** Answers the oldest change. */
  answer(code = 0): void {
    const done = this.#answers.shift();
    if (done === undefined) throw new Error('nothing to answer');
    done(code);
  }

  /** Answers everything, also what that leads to. */
  answerAll(): void {
    while (this.#answers.length > 0) this.answer();
  }

  get unanswered(): number {
    return this.#answers.length;
  }
}

/** A log line as it was asked for. */
export interface RecordedLine {
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: LogFields;
  readonly message: string;
}

/** Writes down what is logged. */
export class RecordingLogger implements Logger {
  readonly lines: RecordedLine[] = [];
  readonly trace = this.#at('trace');
  readonly debug = this.#at('debug');
  readonly info = this.#at('info');
  readonly warn = this.#at('warn');
  readonly error = this.#at('error');
  readonly fatal = this.#at('fatal');

  /** Lines of one event. */
  of(event: string): RecordedLine[] {
    return this.lines.filter((line) => line.event === event);
  }

  child(): Logger {
    return this;
  }

  isLevelEnabled(): boolean {
    return true;
  }

  #at(level: LogLevel): Logger['info'] {
    return (fields, message) => this.lines.push({ level, event: fields.event, fields, message });
  }
}
