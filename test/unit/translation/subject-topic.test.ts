import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../src/errors.ts';
import type { Mapped, RefusalReason } from '../../../src/translation/mapped.ts';
import { mountpointValue } from '../../../src/translation/subject-topic.ts';
import { mapperWith, PROFILES } from './mappers.ts';

function assertName(result: Mapped, name: string, message: string): void {
  assert.deepEqual(result, { ok: true, name }, message);
}

function assertRefused(result: Mapped, reason: RefusalReason, message: string): void {
  assert.equal(result.ok ? `mapped to ${result.name}` : result.reason, reason, message);
  if (!result.ok) assert.match(result.explanation, /\w{3}/);
}

const NAMES: readonly [subject: string, topic: string][] = [
  ['a', 'a'],
  ['a.b.c', 'a/b/c'],
  ['living%20room.x', 'living room/x'],
  ['spBv1%2E0.g', 'spBv1.0/g'],
  ['%.a', '/a'],
  ['a.%', 'a/'],
  ['a.%.b', 'a//b'],
  ['%.%', '/'],
  ['%.%.%', '//'],
  ['a/b.c', 'a%2Fb/c'],
  ['a%20b', 'a b'],
  ['a.*', 'a/*'],
  ['>.a', '>/a'],
  ['$SRV.PING', '$SRV/PING'],
  ['%24SYS.x', '%24SYS/x'],
  ['$share.g.x', '$share/g/x'],
];

test('escape: names cross in both directions', () => {
  const mapper = mapperWith({ allowDollar: ['$share'] });
  for (const [subject, topic] of NAMES) {
    assertName(mapper.publishTopic(subject), topic, subject);
    assertName(mapper.replyTopic(subject), topic, subject);
    assertName(mapper.deliveredSubject(topic), subject, topic);
  }
});

const FILTERS: readonly [subject: string, filter: string][] = [
  ['*', '+'],
  ['>', '#'],
  ['a.*', 'a/+'],
  ['*.b', '+/b'],
  ['a.*.c.>', 'a/+/c/#'],
  ['a*.>b.c', 'a*/>b/c'],
  ['%.*', '/+'],
  ['a.%.>', 'a//#'],
  ['living%20room.>', 'living room/#'],
  ['$SYS.>', '$SYS/#'],
];

test('escape: filters cross in both directions', () => {
  const mapper = mapperWith();
  for (const [subject, filter] of FILTERS) {
    assertName(mapper.subscribeFilter(subject), filter, subject);
    assertName(mapper.filterSubject(filter), subject, filter);
  }
});

test('mapper: + and # in a subject never become wildcards', () => {
  const lossless = mapperWith();
  assertName(lossless.subscribeFilter('a.+'), 'a/%2B', 'a.+');
  assertName(lossless.subscribeFilter('#'), '%23', '#');
  assertName(lossless.publishTopic('a.#'), 'a/%23', 'a.#');
  for (const profile of ['emqx', 'nats-server'] as const) {
    const mapper = mapperWith({ profile });
    for (const subject of ['a.+', '#', 'a+.b', '+.>']) {
      assertRefused(mapper.subscribeFilter(subject), 'unmappable_token', `${profile} ${subject}`);
      assertRefused(mapper.publishTopic(subject), 'unmappable_token', `${profile} ${subject}`);
    }
  }
});

test('mapper: in every profile * and > are literals in names and wildcards in filters', () => {
  for (const profile of PROFILES) {
    const mapper = mapperWith({ profile });
    assertName(mapper.publishTopic('a.*.>'), 'a/*/>', profile);
    assertName(mapper.deliveredSubject('a/*/>'), 'a.*.>', profile);
    assertName(mapper.subscribeFilter('a.*.>'), 'a/+/#', profile);
    assertRefused(mapper.subscribeFilter('a.>.b'), 'wildcard', profile);
    assertRefused(mapper.filterSubject('a/*'), 'wildcard', profile);
    assertRefused(mapper.filterSubject('a/>'), 'wildcard', profile);
  }
});

test('nats-server: topics have the subjects that nats-server gives them', () => {
  const mapper = mapperWith({ profile: 'nats-server' });
  const rows: readonly [topic: string, subject: string][] = [
    ['foo/bar', 'foo.bar'],
    ['/', '/./'],
    ['//', '/././'],
    ['/foo', '/.foo'],
    ['foo/', 'foo./'],
    ['foo//bar', 'foo./.bar'],
    ['.', '//'],
    ['foo.bar', 'foo//bar'],
    ['./foo/.', '//.foo.//'],
    ['foo../bar/.', 'foo////.bar.//'],
    ['//.foo.//', '/././/foo//././'],
  ];
  for (const [topic, subject] of rows) {
    assertName(mapper.deliveredSubject(topic), subject, topic);
    assertName(mapper.publishTopic(subject), topic, subject);
  }
  for (const subject of ['a/b', './.', 'a/.b/'])
    assert.equal(mapper.publishTopic(subject).ok, false, subject);
});

test('emqx: dots and slashes change places and nothing else does', () => {
  const mapper = mapperWith({ profile: 'emqx' });
  assertName(mapper.publishTopic('a.b'), 'a/b', 'a.b');
  assertName(mapper.deliveredSubject('a/b'), 'a.b', 'a/b');
  for (const topic of ['a//b', '/a', 'a/', 'a.b/c', 'a b']) {
    assertRefused(mapper.deliveredSubject(topic), 'unmappable_token', topic);
  }
  assertRefused(mapper.publishTopic('a/b'), 'unmappable_token', 'a/b');
});

test('mapper: subjects with empty tokens cannot cross', () => {
  for (const profile of PROFILES) {
    const mapper = mapperWith({ profile });
    for (const subject of ['', '.', 'a..b', '.a', 'a.']) {
      assertRefused(mapper.publishTopic(subject), 'empty_token', `${profile} ${subject}`);
      assertRefused(mapper.subscribeFilter(subject), 'empty_token', `${profile} ${subject}`);
    }
  }
});

test('mapper: the empty topic does not exist [MQTT-4.7.3-1]', () => {
  assertRefused(mapperWith().publishTopic('%'), 'empty_name', 'escape');
  assertRefused(mapperWith().subscribeFilter('%'), 'empty_name', 'escape filter');
  assertRefused(mapperWith({ profile: 'nats-server' }).publishTopic('/'), 'empty_name', 'nats-server');
  assertRefused(mapperWith().deliveredSubject(''), 'empty_name', 'topic');
});

test('mapper: control characters, non-characters, lone surrogates and blanks cannot cross', () => {
  const rows: readonly [text: string, reason: RefusalReason][] = [
    ['a\u0000', 'control_character'],
    ['a\tb', 'control_character'],
    ['a\r\nPUB x', 'control_character'],
    ['a\u007f', 'control_character'],
    ['a\u0085', 'control_character'],
    ['a\uffff', 'control_character'],
    ['a\ufdd0', 'control_character'],
    ['a\ud800', 'invalid_utf8'],
  ];
  for (const profile of PROFILES) {
    const mapper = mapperWith({ profile });
    for (const [text, reason] of rows) {
      const word = text.replaceAll(' ', '');
      assertRefused(mapper.publishTopic(word), reason, JSON.stringify(word));
      assertRefused(mapper.subscribeFilter(word), reason, JSON.stringify(word));
      assertRefused(mapper.deliveredSubject(text), reason, JSON.stringify(text));
      assertRefused(mapper.clientTopic(text), reason, JSON.stringify(text));
    }
    assertRefused(mapper.publishTopic('a b'), 'unmappable_token', profile);
  }
});

test('mapper: a topic with wildcard characters, from a broker that lets it pass, is not delivered', () => {
  for (const topic of ['a/+', '#', 'a+b']) {
    for (const profile of PROFILES) {
      assertRefused(mapperWith({ profile }).deliveredSubject(topic), 'wildcard', topic);
    }
  }
});

test('mapper: length and levels are those of the topic, mountpoint included', () => {
  const mapper = mapperWith({ maxLevels: 4, mountpoint: 'm/n/' });
  assertName(mapper.publishTopic('a.b'), 'm/n/a/b', 'four levels');
  assertRefused(mapper.publishTopic('a.b.c'), 'too_many_levels', 'five levels');
  assertName(mapper.subscribeFilter('a.>'), 'm/n/a/#', 'four levels');
  assertRefused(mapper.subscribeFilter('a.b.>'), 'too_many_levels', 'five levels');
  const plain = mapperWith();
  assert.equal(plain.publishTopic('é'.repeat(32_767)).ok, true);
  assertRefused(plain.publishTopic('é'.repeat(32_768)), 'too_long', '65,536 bytes');
  assertRefused(plain.publishTopic('/'.repeat(21_846)), 'too_long', 'escaped length counts');
});

const IN_SUB = ['$share', '$queue', '$exclusive', '$q', '$stream', '$s'];
const IN_PUB = ['$share', '$SYS', '$CONTROL', '$delayed', '$file', '$SETOPTS'];

test('mapper: reserved first tokens are blocked unless allowed', () => {
  for (const profile of PROFILES) {
    const mapper = mapperWith({ profile });
    for (const token of IN_SUB) {
      for (const subject of [token, `${token}.g.x`, `${token}.>`, `${token}.*.x`]) {
        assertRefused(mapper.subscribeFilter(subject), 'reserved', subject);
      }
      assert.equal(mapper.subscribeFilter(`${token}x.a`).ok, true);
      assert.equal(mapper.subscribeFilter(`a.${token}`).ok, true);
      assert.equal(mapperWith({ profile, allowDollar: [token] }).subscribeFilter(`${token}.g.x`).ok, true);
    }
    for (const token of IN_PUB) {
      for (const subject of [token, `${token}.a`]) {
        assertRefused(mapper.publishTopic(subject), 'reserved', subject);
        assertRefused(mapper.replyTopic(subject), 'reserved', subject);
        assertRefused(mapper.clientTopic(subject.replace('.', '/')), 'reserved', subject);
      }
      assert.equal(mapper.publishTopic(`${token}x.a`).ok, true);
      assert.equal(mapperWith({ profile, allowDollar: [token] }).publishTopic(`${token}.a`).ok, true);
    }
    assert.equal(mapper.subscribeFilter('$SYS.>').ok, true);
  }
});

test('mapper: what the escape codec makes of a spelling is checked, not the spelling', () => {
  const mapper = mapperWith({ escapeDollar: true });
  assertName(mapper.publishTopic('$SYS.x'), '%24SYS/x', 'escaped, so harmless');
  assertRefused(mapper.publishTopic('%24SYS.x'), 'reserved', '%24SYS.x');
  assertRefused(mapper.publishTopic('%24CONTROL.x'), 'reserved', '%24CONTROL.x');
  assertRefused(mapper.subscribeFilter('%24share.g.x'), 'reserved', '%24share.g.x');
});

test('mapper: escape_dollar swaps $ and %24 at the front of the first token only', () => {
  const rows: readonly [subject: string, topic: string][] = [
    ['$SRV.PING', '%24SRV/PING'],
    ['%24SRV.PING', '$SRV/PING'],
    ['$', '%24'],
    ['$$', '%24$'],
    ['$%24', '%24%24'],
    ['a.$b', 'a/$b'],
    ['a.%24b', 'a/%24b'],
    ['a$', 'a$'],
    ['%2524', '%2524'],
  ];
  for (const profile of PROFILES) {
    const mapper = mapperWith({ profile, escapeDollar: true });
    for (const [subject, topic] of rows) {
      assertName(mapper.publishTopic(subject), topic, subject);
      assertName(mapper.subscribeFilter(subject), topic, subject);
      assertName(mapper.deliveredSubject(topic), subject, topic);
      assertName(mapper.filterSubject(topic), subject, topic);
    }
  }
});

test('mapper: the topics of the gateway itself are out of reach', () => {
  for (const profile of PROFILES) {
    const mapper = mapperWith({ profile, allowDollar: ['_NMG'] });
    for (const level of ['_NMG', '$_NMG']) {
      assertRefused(mapper.publishTopic(`${level}.x`), 'reserved', profile);
      assertRefused(mapper.subscribeFilter(`${level}.>`), 'reserved', profile);
      assertRefused(mapper.deliveredSubject(`${level}/x`), 'reserved', profile);
      assertRefused(mapper.deliveredSubject(level), 'reserved', profile);
    }
    assertName(mapper.deliveredSubject('_NMGx/y'), '_NMGx.y', profile);
    assertName(mapper.deliveredSubject('a/_NMG'), 'a._NMG', profile);
    const mounted = mapperWith({ profile, mountpoint: 'm/' });
    assertName(mounted.publishTopic('_NMG.x'), 'm/_NMG/x', profile);
    assertRefused(mounted.deliveredSubject('_NMG/x'), 'outside_mountpoint', profile);
  }
});

test('mapper: a mountpoint is put in front, taken off, and never left', () => {
  for (const mountpoint of ['tenant 1/dev', 'tenant 1/dev/']) {
    const mapper = mapperWith({ mountpoint });
    assert.equal(mapper.mountpoint, 'tenant 1/dev/');
    assertName(mapper.publishTopic('a.b'), 'tenant 1/dev/a/b', 'publish');
    assertName(mapper.subscribeFilter('>'), 'tenant 1/dev/#', 'subscribe');
    assertName(mapper.publishTopic('$CONTROL.x'), 'tenant 1/dev/$CONTROL/x', 'harmless below a mountpoint');
    assertName(mapper.publishTopic('%'), 'tenant 1/dev/', 'empty level below a mountpoint');
    assertName(mapper.deliveredSubject('tenant 1/dev/'), '%', 'empty level below a mountpoint');
    assertName(mapper.deliveredSubject('tenant 1/dev/a/b'), 'a.b', 'delivered');
    assertName(mapper.filterSubject('tenant 1/dev/+'), '*', 'filter');
    assertName(mapper.clientTopic('x y/z'), 'tenant 1/dev/x y/z', 'topic named by a client');
    for (const topic of ['tenant 1/dev', 'tenant 1/device/a', 'tenant 1', 'a', 'Tenant 1/dev/a']) {
      assertRefused(mapper.deliveredSubject(topic), 'outside_mountpoint', topic);
    }
    assertRefused(mapper.filterSubject('#'), 'outside_mountpoint', '#');
  }
});

test('mapper: a mountpoint that is a filter, reserved or no topic is a configuration error', () => {
  for (const mountpoint of ['+/', 'a/#', '$share/g', '$SYS/', '$queue', '_NMG', '$_NMG', 'a\n/']) {
    assert.throws(
      () => mapperWith({ mountpoint, allowDollar: ['$share', '$SYS'] }),
      (error) => error instanceof GatewayError && error.code === 'GW_CONFIG',
      mountpoint,
    );
  }
});

test('mapper: values for mountpoint templates cannot break out', () => {
  assert.equal(mountpointValue('alice'), 'alice');
  assert.equal(mountpointValue('a/../#'), 'a%2F..%2F%23');
  assert.equal(mountpointValue(''), null);
  assert.equal(mountpointValue('a\u0000'), null);
});

test('mapper: faulty filters have no subject', () => {
  assertRefused(mapperWith().filterSubject('a+'), 'wildcard', 'a+');
  assertRefused(mapperWith({ profile: 'emqx' }).filterSubject('a//+'), 'unmappable_token', 'a//+');
});
