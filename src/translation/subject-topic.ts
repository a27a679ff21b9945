/**
 * Subjects to topics and back: separators, wildcards, `$`, reserved names and the mountpoint.
 * Works on strings and keeps nothing; callers cache by bytes. Knows no permissions.
 */
import { GatewayError } from '../errors.ts';
import { DOLLAR_GATEWAY_LEVEL, GATEWAY_LEVEL } from '../mqtt/gateway-topics.ts';
import type { TopicFault } from '../mqtt/topic.ts';
import {
  DEFAULT_MAX_LEVELS,
  firstLevel,
  MAX_STRING_BYTES,
  splitShared,
  stringFault,
  topicFilterFault,
  topicNameFault,
  wireFilter,
  wireFilterFault,
} from '../mqtt/topic.ts';
import { emqxCodec } from './emqx-codec.ts';
import { escapeCodec, escapeForLevel } from './escape-codec.ts';
import type { Mapped, Refusal } from './mapped.ts';
import { mapped, refuse } from './mapped.ts';
import { natsServerCodec } from './nats-server-codec.ts';
import { queueGroupToShareName } from './queue-group.ts';
import type { TokenCodec } from './token-codec.ts';

/** How names are written on the other side. */
export type MappingProfile = 'escape' | 'emqx' | 'nats-server';

/** Settings of a {@link NameMapper}. */
export interface NameMapperOptions {
  readonly profile: MappingProfile;
  /** Leading `$` and leading `%24` of the first token change places. */
  readonly escapeDollar: boolean;
  /** Reserved first levels that clients may use all the same, such as `$SYS`. */
  readonly allowDollar: readonly string[];
  /** Topic prefix of every name, templates already substituted and escaped; '' for none. A `/` is added if missing. */
  readonly mountpoint: string;
  /** Topic levels the broker takes, mountpoint included. */
  readonly maxLevels?: number;
  /** Bytes of a topic the broker takes, mountpoint included. */
  readonly maxTopicBytes?: number;
}

/** The names of one subscription at the broker. */
export interface SubscriptionNames {
  readonly ok: true;
  /** Null for a plain filter. */
  readonly shareName: string | null;
  /** Without `$share`. */
  readonly filter: string;
}

/** Translates the names of one client. Pure; topics are always as the broker sees them, mountpoint included. */
export interface NameMapper {
  readonly profile: MappingProfile;
  /** '' or a prefix that ends in `/`. */
  readonly mountpoint: string;
  /** Subject of a PUB to the topic name it goes to. `*` and `>` are ordinary characters here. */
  publishTopic(subject: string): Mapped;
  /** Reply subject of a PUB to the Response Topic. The rules are those of {@link NameMapper.publishTopic}. */
  replyTopic(subject: string): Mapped;
  /** Subject of a SUB to the topic filter, without `$share`. */
  subscribeFilter(subject: string): Mapped;
  /** Topic name of a message from the broker to the subject it is delivered under. */
  deliveredSubject(topic: string): Mapped;
  /** Topic filter to the subject whose SUB asks for it; for display. */
  filterSubject(filter: string): Mapped;
  /** A topic that a client names itself (`Mqtt-Response-Topic`), checked and put under the mountpoint. */
  clientTopic(topic: string): Mapped;
  /** Queue group to the share name of `$share/<name>/<filter>`. */
  shareName(group: string): Mapped;
  /**
   * What SUBSCRIBE may ask for: with its share name a filter may be too much for the broker, and a filter that was let
   * through by `allowDollar` may itself begin with `$share`.
   */
  subscription(shareName: string | null, filter: string): SubscriptionNames | Refusal;
}

const CODECS: Readonly<Record<MappingProfile, TokenCodec>> = {
  escape: escapeCodec,
  emqx: emqxCodec,
  'nats-server': natsServerCodec,
};

/** First levels by which brokers turn a SUBSCRIBE into something else. */
const RESERVED_IN_FILTERS = ['$share', '$queue', '$exclusive', '$q', '$stream', '$s'];

/** First levels by which brokers take orders, or that only the broker itself may use. */
const RESERVED_IN_TOPICS = ['$share', '$SYS', '$CONTROL', '$delayed', '$file', '$SETOPTS'];

/** First levels that gateways use among themselves; no setting opens them. */
const GATEWAY_LEVELS = [GATEWAY_LEVEL, DOLLAR_GATEWAY_LEVEL];

/** How each topic fault reads to an operator; `wildcard` means something else per direction. */
const FAULTS: Readonly<Record<TopicFault, readonly [Refusal['reason'], string]>> = {
  empty: ['empty_name', 'the topic would be empty, which MQTT forbids'],
  invalid_utf8: ['invalid_utf8', 'the name is not valid UTF-8'],
  control_character: [
    'control_character',
    'control characters and non-characters make brokers close the connection',
  ],
  wildcard: ['wildcard', '"+" and "#" cannot stand in a topic name, nor in a part of a level of a filter'],
  too_long: ['too_long', 'the topic is longer than the broker takes'],
  too_many_levels: ['too_many_levels', 'the topic has more levels than the broker takes'],
};

function refuseFault(fault: TopicFault): Refusal {
  return refuse(...FAULTS[fault]);
}

/** `$` ⇄ `%24` at the front; its own inverse. No escape of a codec begins with `%24`, so the two never meet. */
function swapDollar(level: string): string {
  if (level.startsWith('$')) return `%24${level.slice(1)}`;
  return level.startsWith('%24') ? `$${level.slice(3)}` : level;
}

/**
 * Builds the mapper for one profile and mountpoint.
 * @throws {GatewayError} `GW_CONFIG` for a mountpoint that is no topic name or begins with a reserved level
 */
export function createNameMapper(options: NameMapperOptions): NameMapper {
  return new Mapper(options);
}

class Mapper implements NameMapper {
  readonly profile: MappingProfile;
  readonly mountpoint: string;
  readonly #codec: TokenCodec;
  readonly #escapeDollar: boolean;
  readonly #maxLevels: number;
  readonly #maxBytes: number;
  readonly #reservedInTopics: ReadonlySet<string>;
  readonly #reservedInFilters: ReadonlySet<string>;

  constructor(options: NameMapperOptions) {
    this.profile = options.profile;
    this.#codec = CODECS[options.profile];
    this.#escapeDollar = options.escapeDollar;
    this.#maxLevels = options.maxLevels ?? DEFAULT_MAX_LEVELS;
    this.#maxBytes = options.maxTopicBytes ?? MAX_STRING_BYTES;
    const isBlocked = (level: string) => !options.allowDollar.includes(level);
    this.#reservedInTopics = new Set([...GATEWAY_LEVELS, ...RESERVED_IN_TOPICS.filter(isBlocked)]);
    this.#reservedInFilters = new Set([...GATEWAY_LEVELS, ...RESERVED_IN_FILTERS.filter(isBlocked)]);
    this.mountpoint = checkedMountpoint(options.mountpoint, this.#maxLevels);
  }

  publishTopic(subject: string): Mapped {
    const levels = this.#levels(subject);
    if (!Array.isArray(levels)) return levels;
    return this.clientTopic(levels.join('/'));
  }

  replyTopic(subject: string): Mapped {
    return this.publishTopic(subject);
  }

  clientTopic(topic: string): Mapped {
    const full = this.mountpoint + topic;
    const fault = topicNameFault(full, this.#maxLevels, this.#maxBytes);
    return fault === null ? this.#unlessReserved(full, this.#reservedInTopics) : refuseFault(fault);
  }

  subscribeFilter(subject: string): Mapped {
    const isFull = subject === '>' || subject.endsWith('.>');
    const levels = this.#levels(subject);
    if (!Array.isArray(levels)) return levels;
    const last = levels.length - 1;
    for (let i = 0; i <= last; i++) {
      if (levels[i] === '*') levels[i] = '+';
      else if (levels[i] === '>' && i !== last) return refuse('wildcard', '">" must be the last token');
    }
    if (isFull) levels[last] = '#';
    const filter = this.mountpoint + levels.join('/');
    const fault = topicFilterFault(filter, this.#maxLevels, this.#maxBytes);
    return fault === null ? this.#unlessReserved(filter, this.#reservedInFilters) : refuseFault(fault);
  }

  deliveredSubject(topic: string): Mapped {
    if (!topic.startsWith(this.mountpoint)) {
      return refuse('outside_mountpoint', 'the topic is not under the mountpoint');
    }
    // A broker that does not check topics may deliver anything: text that ends up in a MSG line is checked here.
    const fault = topicNameFault(topic, Number.POSITIVE_INFINITY);
    if (fault !== null) return refuseFault(fault);
    if (this.mountpoint === '' && GATEWAY_LEVELS.includes(firstLevel(topic))) {
      return refuse('reserved', `topics under ${firstLevel(topic)}/ belong to the gateway itself`);
    }
    return this.#subject(topic.slice(this.mountpoint.length).split('/'));
  }

  filterSubject(filter: string): Mapped {
    if (!filter.startsWith(this.mountpoint)) {
      return refuse('outside_mountpoint', 'the filter is not under the mountpoint');
    }
    const fault = topicFilterFault(filter, Number.POSITIVE_INFINITY);
    if (fault !== null) return refuseFault(fault);
    const levels = filter.slice(this.mountpoint.length).split('/');
    if (levels.includes('*') || levels.includes('>')) {
      return refuse('wildcard', 'a level "*" or ">" would become a wildcard in a subject filter');
    }
    return this.#subject(levels.map((level) => (level === '+' ? '*' : level === '#' ? '>' : level)));
  }

  shareName(group: string): Mapped {
    return queueGroupToShareName(group, this.#codec);
  }

  subscription(shareName: string | null, filter: string): SubscriptionNames | Refusal {
    const wire = wireFilter(shareName, filter);
    const fault = wireFilterFault(wire, this.#maxLevels);
    if (fault !== null) return refuseFault(fault);
    const names = splitShared(wire);
    return names === null
      ? refuse('wildcard', 'not a shared filter, but it begins like one')
      : { ok: true, ...names };
  }

  /** The tokens of a subject as levels; `*` and `>` pass untouched. */
  #levels(subject: string): string[] | Refusal {
    const parts = subject.split('.');
    for (let i = 0; i < parts.length; i++) {
      const token = parts[i] ?? '';
      if (token === '') return refuse('empty_token', 'the subject has an empty token');
      if (token.includes(' ')) return refuse('unmappable_token', 'a subject cannot hold a blank');
      const level = this.#codec.tokenToLevel(token);
      if (typeof level !== 'string') return level;
      parts[i] = i === 0 && this.#escapeDollar ? swapDollar(level) : level;
    }
    return parts;
  }

  #subject(levels: string[]): Mapped {
    for (let i = 0; i < levels.length; i++) {
      const level = levels[i] ?? '';
      const token = this.#codec.levelToToken(i === 0 && this.#escapeDollar ? swapDollar(level) : level);
      if (typeof token !== 'string') return token;
      levels[i] = token;
    }
    return mapped(levels.join('.'));
  }

  /** Looks at the topic, not the subject: with `escapeDollar` it is `%24SYS` that would reach `$SYS`. */
  #unlessReserved(topic: string, reserved: ReadonlySet<string>): Mapped {
    if (this.mountpoint === '' && reserved.has(firstLevel(topic))) {
      return refuse('reserved', `the first level ${firstLevel(topic)} is reserved`);
    }
    return mapped(topic);
  }
}

/** With the `/` at the end that keeps `tenant1` apart from `tenant10`. */
function checkedMountpoint(mountpoint: string, maxLevels: number): string {
  if (mountpoint === '') return '';
  const prefix = mountpoint.endsWith('/') ? mountpoint : `${mountpoint}/`;
  const first = firstLevel(prefix);
  const fault = topicNameFault(prefix, maxLevels);
  if (fault !== null) throw new GatewayError('GW_CONFIG', `mountpoint: ${FAULTS[fault][1]}`);
  if ([...GATEWAY_LEVELS, ...RESERVED_IN_FILTERS, ...RESERVED_IN_TOPICS].includes(first)) {
    throw new GatewayError('GW_CONFIG', `mountpoint: the first level ${first} is reserved`);
  }
  return prefix;
}

/**
 * A value for a mountpoint template as text within one level: it cannot add a level, a wildcard or a way out, and
 * different values stay different.
 * @returns null for text that no topic can hold, and for an empty value, which would merge with its neighbours
 */
export function mountpointValue(value: string): string | null {
  return value === '' || stringFault(value) !== null ? null : escapeForLevel(value);
}
