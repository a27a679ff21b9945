/** Log-in, log-out, and what happens when a session or the whole gateway is gone. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { seeText, startBrowser, visit } from './support/browser.ts';
import { Console } from './support/console.ts';

const ACCOUNT = { name: 'admin', password: 'correct horse' };

let browser: Browser;
let gateway: Console;
before(async () => {
  browser = await startBrowser();
  gateway = await Console.start({ settings: { http: { users: [ACCOUNT] } } });
});
after(async () => {
  await browser?.close();
  await gateway?.stop();
});

async function logIn(page: Page, password = ACCOUNT.password): Promise<void> {
  await page.getByLabel('User').fill(ACCOUNT.name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
}

test('session: a wrong password is refused and forgotten, the right one leads to where the link led', async (t) => {
  const page = await visit(t, browser, `${gateway.url}#/upstream`, { expected: /401/ });
  await logIn(page, 'wrong');
  await page.getByRole('alert').filter({ hasText: 'User or password is wrong.' }).waitFor();
  assert.equal(await page.getByLabel('Password').inputValue(), '');
  await logIn(page);
  await page.getByRole('heading', { name: 'Upstream', level: 1 }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Upstream', level: 1 }).waitFor();
});

test('session: after the log-out nothing is shown, and nothing answers', async (t) => {
  const page = await visit(t, browser, gateway.url, { expected: /401/ });
  await logIn(page);
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('heading', { name: 'Log in to the gateway' }).waitFor();
  assert.equal((await page.request.get(new URL('api/v1/status', gateway.url).href)).status(), 401);
});

test('session: what is changed with a log-in carries the name', async (t) => {
  const page = await visit(t, browser, `${gateway.url}#/clients`);
  await logIn(page);
  await page.getByRole('button', { name: 'Kick a user …' }).click();
  await page.getByRole('dialog').getByLabel('User').fill('nobody-there');
  await page.getByRole('dialog').getByRole('button', { name: 'Kick all' }).click();
  await seeText(page, '0 connections of nobody-there ended');
  await page.getByRole('link', { name: 'Audit' }).click();
  await page.getByRole('row', { name: /admin.*nobody-there/ }).waitFor();
});

test('session: a gateway that is gone is told, tried again, and asks for the password when it is back', async (t) => {
  const page = await visit(t, browser, `${gateway.url}#/clients`, {
    expected: /401|ERR_CONNECTION_REFUSED|ERR_/,
  });
  await logIn(page);
  await seeText(page, 'No client is connected');
  await gateway.killGateway();
  const banner = page.getByRole('alert').filter({ hasText: 'The gateway does not answer.' });
  await banner.waitFor();
  await seeText(page, 'No client is connected');
  await gateway.startGateway();
  // Sessions are kept in memory only.
  await seeText(page, 'Your session has ended.');
  await logIn(page);
  await seeText(page, 'No client is connected');
  assert.equal(await banner.count(), 0);
});
