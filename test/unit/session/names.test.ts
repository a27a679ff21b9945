/** Who a client is towards the broker, and which names it sees. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Identity } from '../../../src/auth/authenticator.ts';
import { plainIdentity } from '../../../src/auth/identity.ts';
import { GatewayError } from '../../../src/errors.ts';
import { DEFAULT_CONNECT_OPTIONS } from '../../../src/nats/connect-options.ts';
import type { ConnectOptions } from '../../../src/nats/operations.ts';
import {
  isPerClient,
  renderIdentity,
  renderMountpoint,
  type TemplateSource,
} from '../../../src/session/client-info.ts';
import { NameSpace, type PublishRule } from '../../../src/session/name-space.ts';
import { NameSpaces } from '../../../src/session/name-spaces.ts';
import type { PeerInfo } from '../../../src/session/ports.ts';
import { mapperWith } from '../translation/mappers.ts';

const PEER: PeerInfo = {
  cid: 1,
  listener: 'tcp',
  transport: 'tcp',
  remoteAddress: '192.0.2.7',
  remotePort: 4000,
  localAddress: '127.0.0.1',
  localPort: 4222,
  tls: null,
};

const connectWith = (fields: Partial<ConnectOptions>): ConnectOptions => ({
  ...DEFAULT_CONNECT_OPTIONS,
  ...fields,
});
const sourceWith = (fields: Partial<ConnectOptions>, identity: Identity | null = null): TemplateSource => ({
  connect: connectWith(fields),
  peer: PEER,
  identity,
});
const name = (text: string): string => `\${${text}}`;

const DEFAULTS = {
  clientId: name('generated'),
  username: name('connect.user'),
  password: name('connect.pass'),
};

test('client info: generated client ids are 21 letters and digits, and differ', () => {
  const ids = Array.from({ length: 200 }, () => renderIdentity(DEFAULTS, sourceWith({})).clientId);
  for (const id of ids) assert.match(id, /^[0-9A-Za-z]{21}$/);
  assert.equal(new Set(ids).size, ids.length);
});

test('client info: by default the client’s own credentials, and none where it has none', () => {
  const known = renderIdentity(DEFAULTS, sourceWith({ user: 'ann', pass: 'secret' }));
  assert.deepEqual([known.username, known.password], ['ann', 'secret']);
  const unknown = renderIdentity(DEFAULTS, sourceWith({}));
  assert.deepEqual([unknown.username, unknown.password], [undefined, undefined]);
  assert.match(unknown.clientId, /^[0-9A-Za-z]{21}$/);
});

test('client info: templates name fields of CONNECT in both spellings, the address and the listener', () => {
  const templates = {
    clientId: `${name('listener')}-${name('connect.name')}`,
    username: `${name('Packet.user')}@${name('peer.address')}`,
    password: name('connect.auth_token'),
  };
  const connect = connectWith({ name: 'app', user: 'ann', auth_token: 'token' });
  assert.deepEqual(renderIdentity(templates, { connect, peer: PEER, identity: null }), {
    clientId: 'tcp-app',
    username: 'ann@192.0.2.7',
    password: 'token',
  });
});

test('client info: what no MQTT string can hold is refused', () => {
  for (const user of ['a\0b', '\ud800', 'x'.repeat(65_536)]) {
    assert.throws(
      () => renderIdentity(DEFAULTS, sourceWith({ user })),
      (error) => error instanceof GatewayError && error.code === 'GW_AUTHORIZATION',
    );
  }
});

test('client info: whether a template differs between clients', () => {
  assert.equal(isPerClient('fixed'), false);
  assert.equal(isPerClient(`site/${name('listener')}`), false);
  assert.equal(isPerClient(`site/${name('connect.user')}`), true);
});

test('client info: a value cannot leave its level of the mountpoint', () => {
  const template = `site/${name('connect.user')}/`;
  assert.equal(renderMountpoint(template, sourceWith({ user: 'ann' })), 'site/ann/');
  for (const user of ['a/b', '#', '+', '../x', '']) {
    let rendered: string | null = null;
    try {
      rendered = renderMountpoint(template, sourceWith({ user }));
    } catch (error) {
      assert.ok(error instanceof GatewayError && error.code === 'GW_AUTHORIZATION');
    }
    if (rendered !== null) {
      assert.equal(rendered.split('/').length, 3, user);
      assert.doesNotMatch(rendered, /[+#]/, user);
    }
  }
});

const space = (rules: readonly PublishRule[] = [], allowed: readonly string[] = []): NameSpace =>
  new NameSpace(mapperWith({ allowDollar: [...allowed] }), rules, allowed);

function target(names: NameSpace, subject: string | Buffer) {
  const line = Buffer.concat([Buffer.from('PUB '), Buffer.from(subject), Buffer.from(' 1')]);
  return names.publishTarget(line, 4, line.length - 2);
}

test('name space: a subject becomes a topic, with its bytes, once', () => {
  const names = space();
  const first = target(names, 'a.b');
  assert.equal(first.kind, 'topic');
  if (first.kind === 'topic') {
    assert.equal(first.topic.text, 'a/b');
    assert.deepEqual(first.topic.bytes, Buffer.from('a/b'));
  }
  assert.equal(target(names, 'a.b'), first, 'worked out again');
});

test('name space: what is answered here, what nobody serves, what cannot cross', () => {
  const names = space();
  for (const [subject, kind] of [
    ['$SYS.REQ.USER.INFO', 'user_info'],
    ['$SYS.REQ.SERVER.PING', 'nobody'],
    ['$JS.API.INFO', 'nobody'],
    ['a..b', 'refused'],
    [Buffer.from([0x61, 0xff]), 'refused'],
  ] as const) {
    assert.equal(target(names, subject).kind, kind, String(subject));
  }
});

test('name space: the first rule that matches applies, wildcards included', () => {
  const rule = (subject: string, qos: 0 | 1): PublishRule => ({
    subject,
    qos,
    retain: null,
    messageExpiry: null,
  });
  const names = space([rule('a.*.c', 1), rule('a.>', 0)]);
  const ruleOf = (subject: string): string | null => {
    const found = target(names, subject);
    return found.kind === 'topic' ? (found.rule?.subject ?? null) : null;
  };
  assert.deepEqual(['a.b.c', 'a.b', 'a', 'b'].map(ruleOf), ['a.*.c', 'a.>', null, null]);
});

test('name space: a topic becomes a subject, or says why not', () => {
  const names = space();
  const topic = Buffer.from('a/b');
  assert.equal(names.deliveredName(topic, 0, 3).subject?.toString(), 'a.b');
  const invalid = names.deliveredName(Buffer.from([0x61, 0xff]), 0, 2);
  assert.equal(invalid.subject, null);
  assert.equal(invalid.refusal?.reason, 'invalid_utf8');
});

const spacesOf = (mountpoint: string): NameSpaces =>
  new NameSpaces({
    mapping: { profile: 'escape', escapeDollar: false, allowDollar: [] },
    mountpoint,
    listener: 'tcp',
    rules: [],
  });

test('name spaces: one for all where the mountpoint is the same for all', () => {
  const spaces = spacesOf(`plant/${name('listener')}/`);
  assert.equal(spaces.of(sourceWith({ user: 'ann' })), spaces.common);
  const found = target(spaces.common, 'a');
  assert.equal(found.kind === 'topic' && found.topic.text, 'plant/tcp/a');
});

test('name spaces: one per client where the mountpoint names the client', () => {
  const spaces = spacesOf(`${name('connect.user')}/`);
  const found = target(spaces.of(sourceWith({ user: 'ann' })), 'a');
  assert.equal(found.kind === 'topic' && found.topic.text, 'ann/a');
  assert.throws(() => spaces.of(sourceWith({})), GatewayError);
});

const ANN: Identity = { ...plainIdentity('token', 'ann'), attributes: { tenant: 'a/b', empty: '' } };

test('client info: templates name who has been authenticated, and a missing attribute is refused', () => {
  const templates = { clientId: name('identity.name'), username: name('identity.tenant'), password: '' };
  const rendered = renderIdentity(templates, sourceWith({ user: 'other' }, ANN));
  assert.deepEqual([rendered.clientId, rendered.username], ['ann', 'a/b']);
  const asked = { ...templates, username: name('identity.toString') };
  assert.throws(() => renderIdentity(asked, sourceWith({}, ANN)), GatewayError);
  assert.throws(() => renderIdentity(templates, sourceWith({})), GatewayError);
  const own = renderIdentity(templates, sourceWith({}, { ...ANN, clientId: 'fixed' }));
  assert.equal(own.clientId, 'fixed');
});

test('client info: an attribute cannot leave its level of the mountpoint, nor be empty', () => {
  const mountpoint = (field: string) =>
    renderMountpoint(`${name(`identity.${field}`)}/`, sourceWith({}, ANN));
  assert.equal(mountpoint('tenant'), 'a%2Fb/');
  assert.throws(() => mountpoint('empty'), GatewayError);
  assert.throws(() => mountpoint('missing'), GatewayError);
});

test('name spaces: an identity brings its own mountpoint, and an unusable one keeps it out', () => {
  const spaces = spacesOf('plant/');
  const found = target(spaces.of(sourceWith({}, { ...ANN, mountpoint: 'tenants/7/' })), 'a');
  assert.equal(found.kind === 'topic' && found.topic.text, 'tenants/7/a');
  for (const mountpoint of ['#/', '$share/g/', '$CONTROL/', 'a/+/', 'a\0/', '_NMG/']) {
    const source = sourceWith({}, { ...ANN, mountpoint });
    const refused = (error: unknown) => error instanceof GatewayError && error.code === 'GW_AUTHORIZATION';
    assert.throws(() => spaces.of(source), refused, mountpoint);
  }
});
