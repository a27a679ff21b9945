/** The broker's side, and messages as they cross. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Browser } from 'playwright-core';
import { connectNats } from '../support/nats.ts';
import { seeText, startBrowser, visit } from './support/browser.ts';
import { Console } from './support/console.ts';

let browser: Browser;
let gateway: Console;
let client: NatsConnection;
before(async () => {
  browser = await startBrowser();
  gateway = await Console.start();
  client = await connectNats(gateway.natsUrl, { name: 'tapped', user: 'ann', pass: 'x' });
});
after(async () => {
  await client?.close();
  await browser?.close();
  await gateway?.stop();
});

test('upstream: shows the way to the broker and what it can do, in words', async (t) => {
  const page = await visit(t, browser, `${gateway.url}#/upstream`);
  await seeText(page, gateway.broker.url);
  await page.locator('.upstream-url').getByText('connected').waitFor();
  const report = page.getByRole('region', { name: 'What the broker can do' });
  await report.getByText('formed by the broker, over all gateways').waitFor();
  await report.getByText('Requests without a listener').waitFor();
  await page.getByRole('region', { name: 'Certificates of the gateway' }).getByText('None').waitFor();
});

test('tap: shows a message before and after translation, its payload only when asked', async (t) => {
  const page = await visit(t, browser, `${gateway.url}#/clients`);
  await page.getByRole('link', { name: 'tapped' }).click();
  await page.getByRole('link', { name: 'Watch messages' }).click();
  assert.match(await page.getByRole('textbox', { name: 'Client' }).inputValue(), /^\d+$/);
  await page.getByRole('button', { name: 'Start' }).click();
  await seeText(page, /Ends in (1 min|5\d s)/);
  client.publish('tap.secret', 'do not look');
  await client.flush();
  const row = page.locator('.tap-event', { hasText: 'tap.secret' });
  await row.locator('summary').click();
  await row.getByText('tap/secret').first().waitFor();
  await row.getByText(/Not shown/).waitFor();
  assert.ok(!(await page.content()).includes('do not look'));
  await page.getByRole('button', { name: 'Stop' }).click();
  await seeText(page, 'Stopped.');

  await page.getByLabel('Payloads').selectOption('128');
  await page.getByRole('button', { name: 'Start' }).click();
  await seeText(page, 'Looking.');
  client.publish('tap.shown', 'please look');
  await client.flush();
  const shown = page.locator('.tap-event', { hasText: 'tap.shown' });
  await shown.locator('summary').click();
  await shown.getByText('please look').waitFor();
});

test('tap: looks at one subject only, and says why a message did not go on', async (t) => {
  const page = await visit(t, browser, `${gateway.url}#/tap?subject=$SYS.>`);
  await page.getByRole('button', { name: 'Start' }).click();
  await seeText(page, 'Looking.');
  client.publish('tap.other', 'x');
  client.publish('$SYS.forbidden', 'x');
  await client.flush();
  const row = page.locator('.tap-event', { hasText: '$SYS.forbidden' });
  await row.waitFor();
  assert.match((await row.getAttribute('class')) ?? '', /dropped/);
  assert.equal(await page.locator('.tap-event').count(), 1);
});

test('tap: what is more than asked for per second is counted', async (t) => {
  const page = await visit(t, browser, `${gateway.url}#/tap`);
  await page.getByLabel('At most').selectOption('10');
  await page.getByRole('button', { name: 'Start' }).click();
  await seeText(page, 'Looking.');
  for (let i = 0; i < 200; i++) client.publish('tap.flood', 'x');
  await client.flush();
  await seeText(page, /\d+ more were left out/);
});

test('tap: a bad subject is refused with the reason', async (t) => {
  const page = await visit(t, browser, `${gateway.url}#/tap?subject=a..b`, { expected: /4\d\d/ });
  await page.getByRole('button', { name: 'Start' }).click();
  await page.getByRole('alert').waitFor();
});
