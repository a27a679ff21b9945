/** Clients: found, looked at, ended. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Browser } from 'playwright-core';
import { connectNats } from '../support/nats.ts';
import { seeResult, seeText, startBrowser, visit } from './support/browser.ts';
import { Console } from './support/console.ts';

let browser: Browser;
let gateway: Console;
let orders: NatsConnection;
let others: NatsConnection[];

before(async () => {
  browser = await startBrowser();
  gateway = await Console.start();
});
beforeEach(async () => {
  const connect = (name: string, user: string) => connectNats(gateway.natsUrl, { name, user, pass: 'x' });
  orders = await connect('orders-service', 'ann');
  others = [await connect('billing', 'ben'), await connect('audit', 'ben')];
  orders.subscribe('orders.*.created', { queue: 'workers', callback: () => undefined });
  await orders.flush();
});
after(async () => {
  await browser?.close();
  await gateway?.stop();
});

async function closeAll(): Promise<void> {
  for (const connection of [orders, ...others]) await connection.close();
}

test('clients: are found by search, user and subject; the filters stand in the link', async (t) => {
  t.after(closeAll);
  const page = await visit(t, browser, `${gateway.url}#/clients`);
  await page.getByRole('link', { name: 'orders-service' }).waitFor();
  await page.getByRole('link', { name: 'billing' }).waitFor();

  await page.getByLabel('Search').fill('ORDERS');
  await page.getByRole('link', { name: 'billing' }).waitFor({ state: 'detached' });
  await page.getByText('1 of 1 clients').waitFor();
  assert.match(page.url(), /search=ORDERS/);
  await page.reload();
  await page.getByText('1 of 1 clients').waitFor();
  assert.equal(await page.getByLabel('Search').inputValue(), 'ORDERS');

  await page.getByLabel('Search').fill('nobody of this name');
  await seeText(page, 'No client matches');
  await page.getByRole('link', { name: 'Clear' }).click();
  await page.getByLabel('User').fill('ben');
  await page.getByText('1–2 of 2 clients').waitFor();
  await page.getByRole('link', { name: 'Clear' }).click();
  await page.getByLabel('Subscribed to').fill('orders.17.created');
  await page.getByText('1 of 1 clients').waitFor();
  await page.getByRole('link', { name: 'orders-service' }).waitFor();
});

test('clients: are ordered by a click on a column, and the other way round by a second one', async (t) => {
  t.after(closeAll);
  const page = await visit(t, browser, `${gateway.url}#/clients`);
  const first = page.locator('tbody tr').first();
  await page.getByRole('button', { name: 'Subs', exact: true }).click();
  await first.getByText('orders-service').waitFor();
  await page.locator('th[aria-sort="descending"]').getByText('Subs').waitFor();
  await page.getByRole('button', { name: 'Subs', exact: true }).click();
  await page.locator('th[aria-sort="ascending"]').getByText('Subs').waitFor();
  await page.locator('tbody tr').last().getByText('orders-service').waitFor();
});

test('clients: one shows who it is, what it listens to and what has passed', async (t) => {
  t.after(closeAll);
  orders.publish('orders.1.shipped', 'x'.repeat(100));
  await orders.flush();
  const page = await visit(t, browser, `${gateway.url}#/clients`);
  await page.getByRole('link', { name: 'orders-service' }).click();
  const details = page.getByRole('complementary', { name: /^Client \d+$/ });
  await details.getByRole('heading', { name: 'orders-service' }).waitFor();
  await details.getByText('orders.*.created').waitFor();
  await details.getByText('workers').waitFor();
  await details.getByText('ann', { exact: true }).waitFor();
  await details.getByText('Everything, as far as the broker allows it.').waitFor();
  await details.getByText('nats.js', { exact: false }).waitFor();
  const mqttClientId = await details.locator('dt:has-text("Client id") + dd').textContent();
  assert.match(mqttClientId ?? '', /^[0-9A-Za-z]{21}$/);

  await page.reload();
  await details.getByRole('heading', { name: 'orders-service' }).waitFor();
  await details.getByRole('link', { name: 'Close the details' }).click();
  await details.waitFor({ state: 'detached' });
});

test('clients: one that does not exist is told as such', async (t) => {
  t.after(closeAll);
  const page = await visit(t, browser, `${gateway.url}#/clients/999999`, { expected: /404/ });
  await page.getByRole('complementary').getByRole('alert').waitFor();
});

test('clients: a kick wants to be confirmed, ends the connection, and is remembered with its reason', async (t) => {
  t.after(closeAll);
  const page = await visit(t, browser, `${gateway.url}#/clients`);
  await page.getByRole('link', { name: 'orders-service' }).click();
  await page.getByRole('button', { name: 'Kick …', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await dialog.waitFor({ state: 'detached' });
  assert.equal(orders.isClosed(), false);

  await page.getByRole('button', { name: 'Kick …', exact: true }).click();
  await dialog.getByRole('button', { name: 'Kick', exact: true }).click();
  await seeResult(page, /was ended/);
  await orders.closed();
  await page.getByRole('complementary').getByText('Kicked').waitFor();
  await page.getByRole('radio', { name: 'Closed' }).check();
  await page
    .getByRole('row', { name: /orders-service.*Kicked/ })
    .first()
    .waitFor();
});

test('clients: all of a user can be ended at once', async (t) => {
  t.after(closeAll);
  const page = await visit(t, browser, `${gateway.url}#/clients`);
  await page.getByRole('button', { name: 'Kick a user …' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Kick all' }).click();
  await dialog.getByText('Which user?').waitFor();
  await dialog.getByLabel('User').fill('ben');
  await dialog.getByRole('button', { name: 'Kick all' }).click();
  await seeResult(page, '2 connections of ben ended');
  await Promise.all(others.map((connection) => connection.closed()));
  assert.equal(orders.isClosed(), false);
});
