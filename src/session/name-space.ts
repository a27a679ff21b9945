/**
 * The names of one listener (or one client, where the mountpoint depends on it): translations with their caches,
 * and the rules that apply to a subject. One lookup by bytes per message.
 */

import { randomInt } from 'node:crypto';
import type { QoS, TopicName } from '../mqtt/publication.ts';
import { matches } from '../nats/subject.ts';
import type { Refusal } from '../translation/mapped.ts';
import type { NameMapper } from '../translation/subject-topic.ts';
import { decodeUtf8Strict } from '../translation/utf8.ts';
import { ByteCache } from '../util/byte-cache.ts';
import { DeliveryView } from './delivery-view.ts';

/** How publications to matching subjects are sent; null leaves the default. */
export interface PublishRule {
  /** NATS subject, wildcards allowed. */
  readonly subject: string;
  readonly qos: QoS | null;
  readonly retain: boolean | null;
  /** Seconds. */
  readonly messageExpiry: number | null;
}

/** Where a PUB goes once names are resolved. */
export interface Destination {
  readonly topic: TopicName;
  readonly rule: PublishRule | null;
  /** For an answer to a device: its Correlation Data and the QoS it asked with. */
  readonly correlation: Buffer | null;
  readonly qos: QoS;
  /** Every broker accepts topics of this kind: no `$` in front, no `.` within. */
  readonly isCommon: boolean;
  /** The topic is more than the subject with other separators. */
  readonly isEscaped: boolean;
}

/** Where a PUB goes. */
export type PublishTarget =
  | ({ readonly kind: 'topic' } & Destination)
  /** `$SYS.REQ.USER.INFO`: answered here. */
  | { readonly kind: 'user_info' }
  /** Served by no gateway and no broker: an honest "no responders". */
  | { readonly kind: 'nobody' }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** The NATS name of an incoming topic, or why it has none. */
export type DeliveredName =
  | { readonly subject: Buffer; readonly refusal: null; readonly isEscaped: boolean }
  | { readonly subject: null; readonly refusal: Refusal; readonly isEscaped: false };

const CACHE_LIMITS = {
  maxEntries: 20_000,
  maxBytes: 8 * 1024 * 1024,
  hashSeed: randomInt(2 ** 16, 2 ** 31),
};

const USER_INFO_SUBJECT = '$SYS.REQ.USER.INFO';
/** Requests that only a nats-server with the matching subsystem answers. */
const UNSERVED = ['$SYS.REQ.', '$JS.API.'];

/** Translations of one client or listener. */
export class NameSpace {
  readonly mapper: NameMapper;
  #given: readonly PublishRule[] = [];
  #rules: readonly { readonly rule: PublishRule; readonly filter: Buffer }[] = [];
  #allowed: readonly string[];
  #published = new ByteCache<PublishTarget>(CACHE_LIMITS);
  #delivered = new ByteCache<DeliveredName>(CACHE_LIMITS);
  /** Of messages that are delivered under these names. */
  readonly view = new DeliveryView();

  /** @param allowed first tokens opened by `mapping.allow_dollar` */
  constructor(mapper: NameMapper, rules: readonly PublishRule[], allowed: readonly string[]) {
    this.mapper = mapper;
    this.#allowed = allowed;
    this.useRules(rules);
  }

  /** Other rules, for messages from now on. */
  useRules(rules: readonly PublishRule[]): void {
    // Many clients have the same name space, and each of them brings the rules.
    if (rules === this.#given) return;
    this.#given = rules;
    this.#rules = rules.map((rule) => ({ rule, filter: Buffer.from(rule.subject) }));
    this.#published = new ByteCache<PublishTarget>(CACHE_LIMITS);
  }

  /** Where a PUB to `line[start, end)` goes. */
  publishTarget(line: Buffer, start: number, end: number): PublishTarget {
    const cached = this.#published.get(line, start, end);
    if (cached !== undefined) return cached;
    const target = this.#resolve(line, start, end);
    this.#published.set(line, start, end, target, end - start);
    return target;
  }

  /** The subject under which `topic[start, end)` is delivered. */
  deliveredName(topic: Buffer, start: number, end: number): DeliveredName {
    const cached = this.#delivered.get(topic, start, end);
    if (cached !== undefined) return cached;
    const text = decodeUtf8Strict(topic, start, end);
    const result =
      text === null
        ? ({ ok: false, reason: 'invalid_utf8', explanation: 'the topic is not valid UTF-8' } as const)
        : this.mapper.deliveredSubject(text);
    const name: DeliveredName = result.ok
      ? {
          subject: Buffer.from(result.name),
          refusal: null,
          isEscaped: this.#differs(result.name, text ?? ''),
        }
      : { subject: null, refusal: result, isEscaped: false };
    this.#delivered.set(topic, start, end, name, end - start);
    return name;
  }

  #resolve(line: Buffer, start: number, end: number): PublishTarget {
    const subject = decodeUtf8Strict(line, start, end);
    if (subject === null) {
      const refusal = {
        ok: false,
        reason: 'invalid_utf8',
        explanation: 'the subject is not valid UTF-8',
      } as const;
      return { kind: 'refused', refusal };
    }
    if (subject === USER_INFO_SUBJECT) return { kind: 'user_info' };
    const first = subject.slice(0, subject.indexOf('.'));
    if (UNSERVED.some((prefix) => subject.startsWith(prefix)) && !this.#allowed.includes(first))
      return { kind: 'nobody' };
    const mapped = this.mapper.publishTopic(subject);
    if (!mapped.ok) return { kind: 'refused', refusal: mapped };
    const topic = { text: mapped.name, bytes: Buffer.from(mapped.name) };
    const found = this.#rules.find(({ filter }) => matches(filter, line, start, end));
    const isCommon = !mapped.name.startsWith('$') && !mapped.name.includes('.');
    const isEscaped = this.#differs(subject, mapped.name);
    const rule = found?.rule ?? null;
    return { kind: 'topic', topic, rule, correlation: null, qos: 0, isCommon, isEscaped };
  }

  /** Whether the two names differ in more than separators and mountpoint. */
  #differs(subject: string, topic: string): boolean {
    return this.mapper.mountpoint + subject.replaceAll('.', '/') !== topic;
  }
}
