import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { filterMatches, topicFilterFault, topicNameFault } from '../../src/mqtt/topic.ts';
import {
  fromUserPropertyObject,
  survivesObject,
  toUserPropertyObject,
} from '../../src/mqtt/user-properties.ts';
import { subjectFilterAccepts } from '../../src/translation/delivery-filter.ts';
import { escapeCodec } from '../../src/translation/escape-codec.ts';
import { headersToProperties, propertiesToHeaders } from '../../src/translation/headers-properties.ts';
import { decodeMr, MAX_REPLY_BYTES, replyToRequest, requestToReply } from '../../src/translation/reply-to.ts';
import {
  createNameMapper,
  type MappingProfile,
  type NameMapper,
} from '../../src/translation/subject-topic.ts';
import { ByteCache } from '../../src/util/byte-cache.ts';

const PROFILES: readonly MappingProfile[] = ['escape', 'emqx', 'nats-server'];
const RUNS = { numRuns: 5000 };

const PIECES = [
  '%',
  '2',
  '0',
  '5',
  'E',
  'F',
  'B',
  '3',
  '4',
  '%20',
  '%2E',
  '%25',
  '%2F',
  '%24',
  '*',
  '>',
  '$',
  'a',
];
const UNICODE = ['é', '日', '😀', '\u00a0', '\u2028', '\ufeff', '\ufffd'];
/** Blanks and separators of either side on top: the alphabet of hand-made trouble. */
const trouble = (...extra: string[]) =>
  fc
    .array(
      fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...PIECES, ...extra) }, fc.constantFrom(...UNICODE)),
      {
        maxLength: 8,
      },
    )
    .map((pieces) => pieces.join(''));

const token = trouble('/', '//', '+', '#').filter((text) => text !== '');
const level = trouble('.', ' ');
const FIRST_TOKENS = [
  '$share',
  '$SYS',
  '$queue',
  '%24share',
  '%24SYS',
  '$CONTROL',
  '_NMG',
  '_MR_',
  '$',
  '%24',
  '%',
];
const subject = fc
  .tuple(fc.oneof(token, fc.constantFrom(...FIRST_TOKENS)), fc.array(token, { maxLength: 4 }))
  .map(([first, rest]) => [first, ...rest].join('.'));
const topic = fc
  .array(fc.oneof(level, fc.constantFrom('$share', '%24SYS', '_NMG', '$_NMG')), {
    minLength: 1,
    maxLength: 5,
  })
  .map((levels) => levels.join('/'));

const mapperOptions = fc.record({
  profile: fc.constantFrom(...PROFILES),
  escapeDollar: fc.boolean(),
  allowDollar: fc.constant([]),
  mountpoint: fc.constantFrom('', 'm/', 'tenant 1/%2F/'),
});
const anyMapper = mapperOptions.map(createNameMapper);
const escapeMapper = mapperOptions.map((options) => createNameMapper({ ...options, profile: 'escape' }));

test('escape codec: token → level → token, and level → token → level, lose nothing', () => {
  fc.assert(
    fc.property(token, (text) => {
      const result = escapeCodec.tokenToLevel(text);
      assert.ok(typeof result === 'string');
      assert.doesNotMatch(result, /[/+#]/);
      assert.equal(escapeCodec.levelToToken(result), text);
    }),
    RUNS,
  );
  fc.assert(
    fc.property(level, (text) => {
      const result = escapeCodec.levelToToken(text);
      assert.ok(typeof result === 'string');
      assert.match(result, /^[^. ]+$/u);
      assert.equal(escapeCodec.tokenToLevel(result), text);
    }),
    RUNS,
  );
});

test('escape codec: every string of up to six characters of % 2 0 5 E F / . crosses both ways', () => {
  const alphabet = ['%', '2', '0', '5', 'E', 'F'];
  let strings = [''];
  for (let length = 0; length <= 6; length++) {
    for (const text of strings) {
      const asToken = escapeCodec.levelToToken(text);
      assert.ok(typeof asToken === 'string' && escapeCodec.tokenToLevel(asToken) === text, text);
      if (text === '') continue;
      const asLevel = escapeCodec.tokenToLevel(text);
      assert.ok(typeof asLevel === 'string' && escapeCodec.levelToToken(asLevel) === text, text);
    }
    strings = strings.flatMap((text) => alphabet.map((char) => text + char));
  }
});

test('escape codec: queue groups cross both ways, dots included', () => {
  fc.assert(
    fc.property(
      trouble('/', '+', '#', '.').filter((text) => text !== ''),
      (group) => {
        const shareName = escapeCodec.groupToShareName(group);
        assert.ok(typeof shareName === 'string');
        assert.match(shareName, /^[^/+#]+$/u);
        assert.equal(escapeCodec.shareNameToGroup(shareName), group);
      },
    ),
    RUNS,
  );
});

test('mapper: a subject that crosses comes back, in every profile', () => {
  fc.assert(
    fc.property(anyMapper, subject, (mapper, name) => {
      const mapped = mapper.publishTopic(name);
      if (!mapped.ok) return;
      assert.equal(topicNameFault(mapped.name), null);
      assert.deepEqual(mapper.deliveredSubject(mapped.name), { ok: true, name });
    }),
    RUNS,
  );
});

test('mapper: a topic that crosses comes back, in every profile', () => {
  fc.assert(
    fc.property(anyMapper, topic, (mapper, name) => {
      const full = mapper.mountpoint + name;
      const mapped = mapper.deliveredSubject(full);
      if (!mapped.ok) return;
      assert.match(mapped.name, /^[^ .][^ ]*$/su);
      assert.doesNotMatch(mapped.name, /\.\.|\.$/);
      const back = mapper.publishTopic(mapped.name);
      if (back.ok) assert.equal(back.name, full);
      else assert.equal(back.reason, 'reserved');
    }),
    RUNS,
  );
});

test('mapper: the escape profile refuses nothing but reserved names and the empty topic', () => {
  fc.assert(
    fc.property(escapeMapper, subject, topic, (mapper, name, topicName) => {
      const mapped = mapper.publishTopic(name);
      if (!mapped.ok) assert.match(mapped.reason, /^(?:reserved|empty_name)$/);
      const delivered = mapper.deliveredSubject(mapper.mountpoint + topicName);
      if (!delivered.ok) assert.match(delivered.reason, /^(?:reserved|empty_name)$/);
    }),
    RUNS,
  );
});

/** NATS matching by the book, as the oracle. */
function natsMatches(filter: string, name: string): boolean {
  const wanted = filter.split('.');
  const tokens = name.split('.');
  for (const [i, part] of wanted.entries()) {
    if (part === '>') return tokens.length > i;
    if (tokens[i] === undefined || (part !== '*' && part !== tokens[i])) return false;
  }
  return wanted.length === tokens.length;
}

/** Filters that have a fair chance to match `name`. */
const filterFor = (name: string) =>
  fc
    .tuple(
      fc.array(fc.constantFrom('keep', 'keep', 'star'), { minLength: 5, maxLength: 5 }),
      fc.integer({ min: 0, max: 6 }),
      fc.boolean(),
    )
    .map(([choices, length, full]) => {
      const tokens = name.split('.').slice(0, Math.max(1, length));
      // A literal wildcard of the name would be one in the filter.
      const parts = tokens.map((part, i) => (choices[i] === 'star' || part === '>' ? '*' : part));
      return (full ? [...parts, '>'] : parts).join('.');
    });

const filterAndName = subject.chain((name) =>
  fc.tuple(fc.oneof(filterFor(name), subject.chain(filterFor)), fc.constant(name)),
);

test('mapper: matching commutes with mapping, but for leading wildcards and $', () => {
  let matched = 0;
  fc.assert(
    fc.property(anyMapper, filterAndName, (mapper, [filter, name]) => {
      const mappedFilter = mapper.subscribeFilter(filter);
      const mappedTopic = mapper.publishTopic(name);
      if (!mappedFilter.ok || !mappedTopic.ok) return;
      const isHidden = mappedTopic.name.startsWith('$') && /^[+#]/.test(mappedFilter.name);
      const expected = natsMatches(filter, name) && !isHidden;
      assert.equal(subjectFilterAccepts(mappedFilter.name, mappedTopic.name), expected);
      if (expected) {
        matched++;
        assert.ok(filterMatches(mappedFilter.name, mappedTopic.name));
      }
    }),
    RUNS,
  );
  assert.ok(matched > RUNS.numRuns / 20, `only ${matched} matches were tried`);
});

const BLOCKED_TOPIC = /^(?:\$share|\$SYS|\$CONTROL|\$delayed|\$file|\$SETOPTS|\$?_NMG)(?:\/|$)/;
const BLOCKED_FILTER = /^(?:\$share|\$queue|\$exclusive|\$q|\$stream|\$s|\$?_NMG)(?:\/|$)/;

function checkReach(mapper: NameMapper, name: string): void {
  for (const result of [mapper.publishTopic(name), mapper.replyTopic(name), mapper.clientTopic(name)]) {
    if (!result.ok) continue;
    assert.equal(topicNameFault(result.name), null);
    assert.ok(result.name.startsWith(mapper.mountpoint));
    if (mapper.mountpoint === '') assert.doesNotMatch(result.name, BLOCKED_TOPIC);
  }
  const filter = mapper.subscribeFilter(name);
  if (!filter.ok) return;
  assert.equal(topicFilterFault(filter.name), null);
  assert.ok(filter.name.startsWith(mapper.mountpoint));
  if (mapper.mountpoint === '') assert.doesNotMatch(filter.name, BLOCKED_FILTER);
  const wildcards = (filter.name.match(/[+#]/g) ?? []).length;
  const asked = name.split('.').filter((part) => part === '*' || part === '>').length;
  assert.equal(wildcards, asked, 'a wildcard that was not asked for');
}

test('mapper: no subject reaches a wildcard, a reserved topic or leaves the mountpoint', () => {
  const hostile = fc.oneof(
    subject,
    topic,
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc
      .tuple(fc.constantFrom(...FIRST_TOKENS), fc.constantFrom('.', '/', '%2F', ''), subject)
      .map((parts) => parts.join('')),
  );
  fc.assert(fc.property(anyMapper, hostile, checkReach), RUNS);
});

const headerLine = fc.oneof(
  fc.tuple(
    fc.constantFrom('A', 'B', '1', '2', 'nmg-x', '__proto__', 'Mqtt-Qos', 'a b', ''),
    trouble(' ', '\t', '\r', '\n', ':'),
  ),
  fc.tuple(fc.string({ maxLength: 5 }), fc.string({ unit: 'binary', maxLength: 8 })),
);
const block = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('', '', '', ' 503', ' 100 Idle Heartbeat'),
      fc.array(fc.tuple(headerLine, fc.constantFrom(': ', ': ', ': ', ':', ' ')), { maxLength: 6 }),
    )
    .map(([status, lines]) => {
      const text = lines.map(([[name, value], separator]) => `${name}${separator}${value}\r\n`).join('');
      return Buffer.from(`NATS/1.0${status}\r\n${text}\r\n`);
    }),
  fc
    .uint8Array({ maxLength: 40 })
    .map((bytes) => Buffer.concat([Buffer.from('NATS/1.0\r\nA: '), bytes, Buffer.from('\r\n\r\n')])),
);

test('headers: any block comes back byte for byte, also through the object of MQTT.js', () => {
  fc.assert(
    fc.property(block, (bytes) => {
      const headers = headersToProperties(bytes, 0, bytes.length, true, 'object');
      assert.ok(headers);
      if (!headers.isRaw) assert.ok(survivesObject(headers.userProperties));
      const received = fromUserPropertyObject(toUserPropertyObject(headers.userProperties) ?? {});
      const inbound = propertiesToHeaders({ userProperties: received }, false);
      assert.deepEqual(inbound?.block, bytes);
    }),
    RUNS,
  );
});

test('headers: any properties of a device give a well-formed block of their own lines only', () => {
  const property = fc.tuple(
    fc.oneof(
      fc.constantFrom('A', 'nmg-other', 'nmg-origin', 'a\r\nb'),
      fc.string({ unit: 'binary', maxLength: 6 }),
    ),
    fc.oneof(fc.constantFrom('x\r\nEvil: 1', 'TkFUUw'), fc.string({ unit: 'binary', maxLength: 10 })),
  );
  fc.assert(
    fc.property(fc.array(property, { minLength: 1, maxLength: 6 }), (properties) => {
      const inbound = propertiesToHeaders({ userProperties: properties.flat() }, false);
      assert.ok(inbound);
      if (inbound.block === null) return;
      const text = inbound.block.toString();
      assert.ok(text.startsWith('NATS/1.0\r\n') && text.endsWith('\r\n\r\n'));
      const lines = text.slice(10, -4).split('\r\n');
      assert.ok(lines.length <= properties.length);
      for (const line of lines) assert.match(line, /^[!-9;-~]+: [^\r\n]*$/);
      assert.doesNotMatch(text, /^nmg-/m);
    }),
    RUNS,
  );
});

test('reply-to: a NATS reply subject comes back, with or without a mountpoint', () => {
  fc.assert(
    fc.property(escapeMapper, subject, (mapper, reply) => {
      const request = replyToRequest(mapper, reply);
      if (!request.ok || decodeMr(reply) !== null) return;
      const back = requestToReply(mapper, request.responseTopic, request.correlationData, 0);
      if (back.ok) assert.equal(back.name, reply);
      else assert.equal(back.reason, 'reserved');
    }),
    RUNS,
  );
});

test('reply-to: the answer reaches exactly the topic and data that a device named', () => {
  const correlation = fc.option(
    fc.oneof(
      fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
      fc.constant(Buffer.from('nats.a')),
    ),
    { nil: undefined },
  );
  const responseTopic = fc.oneof(topic, fc.constantFrom('_MR_/AA/a', '_MR_/AGFi/x/y', '_MR_/AA', 'a'));
  fc.assert(
    fc.property(
      escapeMapper,
      responseTopic,
      correlation,
      fc.constantFrom(0, 1, 2),
      (mapper, name, data, qos) => {
        const full = mapper.mountpoint + name;
        const reply = requestToReply(mapper, full, data, qos);
        if (!reply.ok) return;
        assert.ok(Buffer.byteLength(reply.name) <= MAX_REPLY_BYTES);
        const device = decodeMr(reply.name);
        const answered = mapper.publishTopic(device?.topicSubject ?? reply.name);
        if (answered.ok) assert.equal(answered.name, full);
        else assert.equal(answered.reason, 'reserved');
        if (device === null) {
          const lastToken = reply.name.slice(reply.name.lastIndexOf('.') + 1);
          assert.ok(data === undefined || data.equals(Buffer.from(`nats.${lastToken}`)));
        } else {
          assert.deepEqual(device.correlation, data);
          assert.equal(device.qos, Math.min(qos, 1));
        }
      },
    ),
    RUNS,
  );
});

test('name cache: never answers with the value of another name, whatever the order of use', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 20 })), { maxLength: 200 }),
      (steps) => {
        const cache = new ByteCache<number>({ maxEntries: 8, maxBytes: 2000, hashSeed: 31 });
        for (const [isSet, key] of steps) {
          const bytes = Buffer.from(`key ${key}`);
          if (isSet) cache.set(bytes, 0, bytes.length, key, key);
          else assert.ok([key, undefined].includes(cache.get(bytes, 0, bytes.length)));
          assert.ok(cache.size <= 8 && cache.bytes <= 2000);
        }
      },
    ),
  );
});
