/** Reloads over the API, and the record of who has changed what. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { AppliedBody, AuditBody, StatusBody } from '../../../../src/admin/api-types.ts';
import { type Administered, configText, startAdministered } from '../../../support/administered.ts';
import { type Mosquitto, startMosquitto } from '../../../support/mosquitto.ts';

let broker: Mosquitto;
let admin: Administered;
before(async () => {
  broker = await startMosquitto();
  admin = await startAdministered({ text: configText(broker.url) });
});
after(async () => {
  await admin.stop();
  await broker.stop();
});

test('api reload: what was changed by hand is taken over; what is wrong is told by its path, and warned of', async () => {
  const text = await admin.text();
  await writeFile(admin.file, text.replace('"1MB"', '"2MB"'));
  const applied = await admin.ok<AppliedBody>('POST', '/reload');
  assert.deepEqual(applied.changed, ['max_payload']);
  await writeFile(admin.file, text.replace('"1MB"', '"much"'));
  const problem = await admin.refused('POST', '/reload');
  assert.deepEqual([problem.status, problem.errors?.[0]?.path], [409, 'max_payload']);
  const { warnings } = await admin.ok<StatusBody>('GET', '/status');
  assert.ok(
    warnings.some((one) => one.startsWith('the last reload was refused')),
    warnings.join(),
  );
  // As long as the file is wrong nothing can be added to it.
  const change = await admin.refused('PATCH', '/settings', { changes: { max_subscriptions: 5 } });
  assert.equal(change.status, 409);
  assert.match(change.detail ?? '', /mended by hand/);
  await writeFile(admin.file, text);
  await admin.ok('POST', '/reload');
});

test('api audit: every attempt is there, with who and what and how it ended, and without values', async () => {
  const before = (await admin.ok<AuditBody>('GET', '/audit')).total;
  await admin.ok('PATCH', '/settings', {
    changes: { 'upstream.username': 'gw', 'upstream.password': 'hidden-secret-9' },
  });
  await admin.refused('PATCH', '/settings', { changes: { max_payload: 'hidden-secret-10' } });
  await admin.refused('DELETE', '/clients/99');
  await admin.refused('POST', '/users', { user: 'zoe', password: 'hidden-secret-11' });
  const { total, entries } = await admin.ok<AuditBody>('GET', '/audit?limit=4');
  assert.equal(total, before + 4);
  assert.deepEqual(
    entries.map(({ by, action, target, outcome }) => [by, action, target, outcome]),
    [
      ['admin', 'add user', 'zoe', 'refused (409)'],
      ['admin', 'kick client', '99', 'refused (404)'],
      ['admin', 'change settings', 'max_payload', 'refused (400)'],
      ['admin', 'change settings', 'upstream.username upstream.password', 'done'],
    ],
  );
  assert.equal(entries[0]?.address, '127.0.0.1');
  const logged = admin.gateway.logLines('admin.change').map(({ action }) => action);
  assert.deepEqual(logged.slice(-4), entries.map(({ action }) => action).reverse());
  const { stdout, stderr } = admin.gateway;
  for (const text of [stdout, stderr, ...admin.answers]) {
    // What is no secret of a setting may be quoted: it says what is wrong.
    assert.ok(!/hidden-secret-(9|11)/.test(text), text);
  }
});
