/** Places of the dashboard: URLs, questions to the API, groups of settings. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SettingView } from '../../../src/admin/api-types.ts';
import { directionOf, queryOf, sortBy } from '../../../src/dashboard/pages/clients/query.ts';
import { groupsOf } from '../../../src/dashboard/pages/settings/groups.ts';
import { linkTo, parseRoute } from '../../../src/dashboard/state/route.ts';

test('dashboard, places: a link is read as it was written, whatever is in it', () => {
  const path = ['authentication', 'edit', 'a/b?c#d %'];
  const query = { search: 'ann & ben=1', user: 'ü' };
  assert.deepEqual(parseRoute(linkTo(path, query)), { path, query });
});

test('dashboard, places: nothing is the overview, and a broken escape no error', () => {
  assert.deepEqual(parseRoute('').path, ['overview']);
  assert.deepEqual(parseRoute('#/').path, ['overview']);
  assert.deepEqual(parseRoute('#/clients/%zz').path, ['clients', '%zz']);
  assert.equal(linkTo(['clients'], { search: '' }), '#/clients');
});

test('dashboard, places: what the URL of the clients leaves out has a default', () => {
  const expected = { state: 'open', sort: 'cid', reversed: false, offset: 0, limit: 50 };
  assert.deepEqual(queryOf({}), expected);
  assert.deepEqual(queryOf({ state: 'rubbish', offset: 'x' }), expected);
  assert.equal(queryOf({ state: 'closed' }).sort, 'stop');
  assert.equal(queryOf({ user: 'ann', offset: '50' }).user, 'ann');
});

test('dashboard, places: a column is turned round by a second click', () => {
  assert.deepEqual(sortBy({}, 'subs'), { sort: 'subs', reversed: '' });
  assert.deepEqual(sortBy({ sort: 'subs' }, 'subs'), { sort: 'subs', reversed: 'true' });
  assert.deepEqual(sortBy({ sort: 'subs', reversed: 'true' }, 'subs'), { sort: 'subs', reversed: '' });
});

test('dashboard, places: the arrow says what is on top', () => {
  assert.equal(directionOf({}, 'cid'), 'ascending');
  assert.equal(directionOf({ sort: 'subs' }, 'subs'), 'descending');
  assert.equal(directionOf({ sort: 'subs', reversed: 'true' }, 'subs'), 'ascending');
  assert.equal(directionOf({ sort: 'subs' }, 'cid'), 'none');
});

const setting = (path: string, doc = ''): SettingView => ({
  path,
  doc,
  expects: '',
  value: { kind: 'text' },
  default: null,
  isOptional: false,
  current: null,
  source: 'default',
  origin: '',
  isLocked: false,
  needsRestart: false,
  isPending: false,
});

const SETTINGS = [
  setting('server_name'),
  setting('max_payload', 'Largest message.'),
  setting('ping_interval', 'Time between PINGs.'),
  setting('mapping.profile'),
  setting('upstream.url', 'The MQTT broker.'),
  setting('upstream.tls.ca_file'),
  setting('authentication'),
  setting('brand_new.thing'),
];

test('dashboard, places: every setting but the chain stands in one group', () => {
  const listed = groupsOf(SETTINGS, '').flatMap(({ settings }) => settings.map(({ path }) => path));
  assert.deepEqual(
    listed.sort(),
    SETTINGS.map(({ path }) => path)
      .filter((path) => path !== 'authentication')
      .sort(),
  );
});

test('dashboard, places: a group that is not known is named after its settings', () => {
  assert.deepEqual(
    groupsOf(SETTINGS, 'brand').map(({ title }) => title),
    ['brand_new'],
  );
});

const SEARCHES: readonly (readonly [search: string, expected: readonly string[]])[] = [
  ['ping', ['ping_interval']],
  ['PAYLOAD', ['max_payload']],
  ['broker', ['upstream.url']],
  ['upstream.', ['upstream.url', 'upstream.tls.ca_file']],
  ['apping', ['mapping.profile']],
  ['nowhere', []],
];
for (const [search, expected] of SEARCHES) {
  test(`dashboard, places: ${search} finds ${expected.join(', ') || 'nothing'}`, () =>
    assert.deepEqual(
      groupsOf(SETTINGS, search).flatMap(({ settings }) => settings.map(({ path }) => path)),
      expected,
    ));
}
