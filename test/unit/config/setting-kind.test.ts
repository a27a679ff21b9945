/** What forms are told of each setting agrees with what the setting takes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { METHOD_KEYS } from '../../../src/config/authentication/methods.ts';
import { type Key, keysOf } from '../../../src/config/key.ts';
import { SCHEMA } from '../../../src/config/schema.ts';
import { fieldOf, type SettingField } from '../../../src/config/setting-kind.ts';

const fields = new Map([...keysOf(SCHEMA)].map(([path, key]) => [path, { key, field: fieldOf(path, key) }]));

function refuses(key: Key<unknown>, value: unknown): boolean {
  try {
    key.type.parse(value);
    return false;
  } catch {
    return true;
  }
}

test('setting kinds: bounds and choices are those of the setting', () => {
  const values = [...fields].map(([path, { key, field }]) => ({ path, key, value: field.value }));
  const integers = values.flatMap(({ value, ...one }) =>
    value.kind === 'integer' ? [{ ...one, value }] : [],
  );
  const choices = values.flatMap(({ value, ...one }) => (value.kind === 'choice' ? [{ ...one, value }] : []));
  assert.ok(integers.length > 5 && choices.length > 5);
  for (const { path, key, value } of integers) {
    for (const good of [value.min, value.max]) assert.equal(refuses(key, good), false, path);
    for (const bad of [value.min - 1, value.max + 1, value.min + 0.5]) assert.ok(refuses(key, bad), path);
  }
  for (const { path, key, value } of choices) {
    for (const one of value.choices) assert.equal(refuses(key, one), false, `${path} ${one}`);
  }
});

test('setting kinds: names, secrets and files are told apart', () => {
  const kind = (path: string) => fields.get(path)?.field.value.kind;
  assert.deepEqual(
    [
      'upstream.password',
      'upstream.password_file',
      'upstream.url',
      'mountpoint',
      'max_payload',
      'ping_interval',
    ].map(kind),
    ['secret', 'file', 'url', 'template', 'size', 'duration'],
  );
  assert.deepEqual(
    [
      'listeners',
      'authentication',
      'mapping.allow_dollar',
      'default_permissions',
      'http.bind',
      'workers',
    ].map(kind),
    ['entries', 'variants', 'list', 'json', 'address', 'json'],
  );
});

test('setting kinds: every method has its own fields and the common ones, and says what has to be given', () => {
  const value = fields.get('authentication')?.field.value;
  assert.ok(value?.kind === 'variants');
  assert.deepEqual(Object.keys(value.variants), Object.keys(METHOD_KEYS));
  for (const [method, own] of Object.entries(value.variants)) {
    const paths = own.map(({ path }: SettingField) => path);
    assert.ok(paths.includes('enable') && !paths.includes('method'), method);
  }
  const url = value.variants.http?.find(({ path }) => path === 'url');
  assert.equal(url?.isOptional, false);
});

test('setting kinds: only what has no other way to be written is asked for as JSON', () => {
  const asJson = [...fields.values()].flatMap(({ field }) => jsonIn(field, field.path));
  assert.deepEqual(asJson.sort(), [
    'authentication.body',
    'authentication.headers',
    'authentication.required_claims',
    'authentication.users',
    'authentication.users',
    'authentication.users',
    'default_permissions',
    'listeners.tls.handshake_first',
    'listeners.websocket.allowed_origins',
    'workers',
  ]);
});

function jsonIn({ value }: SettingField, path: string): string[] {
  if (value.kind === 'json') return [path];
  const inner = value.kind === 'entries' ? value.fields : [];
  const variants = value.kind === 'variants' ? Object.values(value.variants).flat() : [];
  return [...inner, ...variants].flatMap((field) => jsonIn(field, `${path}.${field.path}`));
}
