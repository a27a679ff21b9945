/** Settings: read, changed in place, refused with the reason at the field. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Locator, Page } from 'playwright-core';
import { freePort } from '../support/free-port.ts';
import { connectNats } from '../support/nats.ts';
import { waitFor } from '../support/wait-for.ts';
import { focused, seeResult, seeText, startBrowser, visit } from './support/browser.ts';
import { Console } from './support/console.ts';

let browser: Browser;
let gateway: Console;
before(async () => {
  browser = await startBrowser();
  gateway = await Console.start({ env: { NATSMQTT_LOG__LEVEL: 'debug' }, settings: { ping_timeout: '6s' } });
});
after(async () => {
  await browser?.close();
  await gateway?.stop();
});

/** The control of a setting. */
function control(page: Page, path: string): Locator {
  return page.locator(`[id="field-${path.replace(/[^\w-]/g, '-')}"]`);
}

async function update(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Update …' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Update', exact: true }).click();
}

test('settings: a change is shown before it is sent, takes effect, and stands in the file', async (t) => {
  const page = await visit(t, browser, `${gateway.url}#/settings`);
  await control(page, 'max_payload').fill('64KB');
  await page.getByRole('button', { name: 'Update …' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('del', { hasText: '1MB' }).waitFor();
  await dialog.locator('ins', { hasText: '64KB' }).waitFor();
  await dialog.getByRole('button', { name: 'Update', exact: true }).click();
  await seeResult(page, /max_payload/);
  assert.equal((await gateway.file()).max_payload, '64KB');
  const client = await connectNats(gateway.natsUrl);
  assert.equal(client.info?.max_payload, 64 * 1024);
  await client.close();

  await page.getByRole('button', { name: 'Use the default for max_payload' }).click();
  await update(page);
  await seeResult(page, /max_payload/);
  assert.equal((await gateway.file()).max_payload, undefined);
});

test('settings: a bad value is refused at its field, which gets the focus; nothing has changed', async (t) => {
  const page = await visit(t, browser, `${gateway.url}#/settings`, { expected: /4\d\d/ });
  await control(page, 'ping_interval').fill('soon');
  await update(page);
  const field = page.locator('.field', { has: control(page, 'ping_interval') });
  await field
    .getByRole('alert')
    .filter({ hasText: /duration/ })
    .waitFor();
  assert.equal(await control(page, 'ping_interval').getAttribute('aria-invalid'), 'true');
  await waitFor(
    async () => (await focused(page)).includes('field-ping_interval'),
    2_000,
    'the focus at the field',
  );
  assert.equal((await gateway.file()).ping_interval, undefined);

  await page.getByRole('button', { name: 'Discard' }).click();
  assert.equal(await control(page, 'ping_interval').inputValue(), '60s');
  await page.getByRole('button', { name: 'Update …' }).waitFor({ state: 'detached' });
});

test('settings: changes survive a look at another page', async (t) => {
  const page = await visit(t, browser, `${gateway.url}#/settings`);
  await control(page, 'ping_timeout').fill('7s');
  await page.getByRole('link', { name: 'Audit' }).click();
  await page.getByRole('heading', { name: 'Audit' }).waitFor();
  await page.getByRole('link', { name: 'Settings' }).click();
  await seeText(page, '1 change');
  assert.equal(await control(page, 'ping_timeout').inputValue(), '7s');
});

test('settings: what the environment says is locked, with the reason', async (t) => {
  const page = await visit(t, browser, `${gateway.url}#/settings?search=log.level`);
  await control(page, 'log.level').waitFor();
  assert.equal(await control(page, 'log.level').isDisabled(), true);
  await seeText(page, 'NATSMQTT_LOG__LEVEL');
});

test('settings: are found by name and by text', async (t) => {
  const page = await visit(t, browser, `${gateway.url}#/settings`);
  await page.getByLabel('Find a setting').fill('keepalive');
  await control(page, 'upstream.keepalive').waitFor();
  await control(page, 'max_payload').waitFor({ state: 'detached' });
  await page.getByLabel('Find a setting').fill('no such thing at all');
  await seeText(page, 'No setting matches.');
});

test('settings: a rule is added, and refused while it is incomplete', async (t) => {
  const page = await visit(t, browser, `${gateway.url}#/settings?search=rules`, { expected: /4\d\d/ });
  await page.getByRole('button', { name: 'Add to rules' }).click();
  await control(page, 'rules[0].retain').selectOption('on');
  await update(page);
  const field = page.locator('.field', { has: control(page, 'rules[0].subject') }).last();
  await field.getByRole('alert').waitFor();
  await control(page, 'rules[0].subject').fill('state.>');
  await update(page);
  await seeResult(page, /rules/);
  assert.deepEqual((await gateway.file()).rules, [{ subject: 'state.>', retain: true }]);
});

test('settings: a listener is added and serves clients', async (t) => {
  const page = await visit(t, browser, `${gateway.url}#/settings?search=listeners`);
  const port = await freePort();
  await page.getByRole('button', { name: 'Add to listeners' }).click();
  await control(page, 'listeners[1].name').fill('second');
  await control(page, 'listeners[1].bind').fill(`127.0.0.1:${port}`);
  await update(page);
  await seeResult(page, /listeners/);
  const client = await connectNats(`nats://127.0.0.1:${port}`);
  await client.close();
  await page.getByRole('link', { name: 'Overview' }).click();
  await page.getByRole('row', { name: new RegExp(`second.*${port}.*listening`) }).waitFor();
});

test('settings: what was changed is in the audit log', async (t) => {
  const page = await visit(t, browser, `${gateway.url}#/settings`);
  await control(page, 'control_headers').click();
  await update(page);
  await seeResult(page, /control_headers/);
  await page.getByRole('link', { name: 'Audit' }).click();
  await page
    .getByRole('row', { name: /control_headers/ })
    .first()
    .waitFor();
});
