/** What somebody does who has started the program in an empty folder and has read nothing. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { startWithoutFile } from '../support/administered.ts';
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts';
import { connectNats } from '../support/nats.ts';
import { seeResult, seeText, startBrowser, visit } from './support/browser.ts';

let browser: Browser;
let broker: Mosquitto;
let gateway: Awaited<ReturnType<typeof startWithoutFile>>;
before(async () => {
  browser = await startBrowser();
  broker = await startMosquitto();
  gateway = await startWithoutFile(broker.url);
});
after(async () => {
  await browser?.close();
  await gateway?.stop();
  await broker?.stop();
});

test('newcomer: changes a setting and adds a user, and the files for that are made', async (t) => {
  const client = await connectNats(gateway.natsUrl, { name: 'orders-service' });
  t.after(() => client.close());
  const page = await visit(t, browser, gateway.url, { expected: /400/ });
  await page.getByRole('link', { name: 'Settings' }).click();
  await seeText(page, 'There is no configuration file yet. Your first change makes');
  const value = page.locator('[id="field-max_payload"]');
  const update = async (): Promise<void> => {
    await page.getByRole('button', { name: 'Update …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Update', exact: true }).click();
  };
  await value.fill('lots');
  await update();
  const failure = page.locator('.message.failed');
  await failure.waitFor();
  // The field shows the value already.
  await page.locator('.field-error', { hasText: /^must be a size/ }).waitFor();
  await value.fill('2MB');
  await update();
  await seeResult(page, 'In force: max_payload');
  assert.equal(await failure.count(), 0, 'what went wrong before is no longer said');
  await seeText(page, `Kept in ${join(gateway.folder, 'config.json')}`);

  await page.getByRole('link', { name: 'Authentication' }).click();
  await page.getByRole('link', { name: 'Users' }).click();
  await page.getByRole('link', { name: 'add the method built_in' }).click();
  await seeText(page, 'So far everyone may connect. Once this method is on');
  assert.equal(await page.locator('[id="field-users_file"]').inputValue(), 'users.json');
  await page.locator('[id="field-users_file"]').fill('');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page
    .getByRole('alert')
    .filter({ hasText: 'the change is wrong: needs users or users_file' })
    .waitFor();
  await page.locator('[id="field-users_file"]').fill('users.json');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await seeResult(page, 'built_in was added');
  await page.getByRole('link', { name: 'Users' }).click();
  await page.getByRole('button', { name: 'Add a user' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('User', { exact: true }).fill('ann');
  await dialog.getByLabel('Password').fill('a password');
  await dialog.getByRole('button', { name: 'Add' }).click();
  await seeResult(page, 'ann was added');
  await (await connectNats(gateway.natsUrl, { user: 'ann', pass: 'a password' })).close();
  await assert.rejects(connectNats(gateway.natsUrl));

  const file = JSON.parse(await readFile(join(gateway.folder, 'config.json'), 'utf8')) as object;
  assert.deepEqual(file, {
    max_payload: '2MB',
    authentication: [{ method: 'built_in', users_file: 'users.json' }],
  });
});

test('newcomer: a failure is not carried to another page', async (t) => {
  const page = await visit(t, browser, `${gateway.url}/#/settings`, { expected: /400/ });
  await page.locator('[id="field-max_payload"]').fill('lots');
  await page.getByRole('button', { name: 'Update …' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Update', exact: true }).click();
  await page.locator('.message.failed').waitFor();
  await page.getByRole('link', { name: 'Audit' }).click();
  await page.locator('.message.failed').waitFor({ state: 'detached' });
});
