/** Without a mouse, without a gateway, on a phone, in the dark. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Browser, Page } from 'playwright-core';
import { connectNats } from '../support/nats.ts';
import { waitFor } from '../support/wait-for.ts';
import { focused, seeText, startBrowser, visit } from './support/browser.ts';
import { Console } from './support/console.ts';

/** A folder for pictures of every page, to be looked at; none are taken without. */
const PICTURES = process.env.NMG_TEST_PICTURES ?? '';

let browser: Browser;
let gateway: Console;
let client: NatsConnection;
before(async () => {
  browser = await startBrowser();
  gateway = await Console.start({
    settings: {
      authentication: [
        { method: 'built_in', users_file: 'users.json' },
        { method: 'token', token: 't0ken', enable: false },
      ],
      no_auth_user: '',
    },
    files: { 'users.json': '{"users":[{"user":"ann","password":"x"}]}' },
  });
  client = await connectNats(gateway.natsUrl, { name: 'orders-service', user: 'ann', pass: 'x' });
  client.subscribe('orders.>', { callback: () => undefined });
  await client.flush();
});
after(async () => {
  await client?.close();
  await browser?.close();
  await gateway?.stop();
});

/** Presses Tab until what is wanted has the focus. */
async function tabTo(page: Page, wanted: string): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    if ((await focused(page)).startsWith(wanted)) return;
  }
  assert.fail(`Tab does not lead to ${wanted}`);
}

test('keyboard: a client is found, opened and nearly kicked without a mouse', async (t) => {
  const page = await visit(t, browser, gateway.url);
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  await page.evaluate('document.activeElement?.blur()');
  await page.keyboard.press('Tab');
  assert.match(await focused(page), /Skip to the content/);
  await tabTo(page, 'Clients');
  await page.keyboard.press('Enter');
  // The new page's heading has the focus, so that it is read out.
  await waitFor(async () => (await focused(page)) === 'Clients', 5_000, 'the focus at the heading');
  await page.getByRole('link', { name: 'orders-service' }).waitFor();
  await tabTo(page, 'orders-service');
  await page.keyboard.press('Enter');
  await waitFor(
    async () => (await focused(page)).startsWith('orders-service #'),
    5_000,
    'the focus at the details',
  );
  await tabTo(page, 'Kick …');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  for (let i = 0; i < 6; i++) {
    await page.keyboard.press('Tab');
    const isInside = await page.evaluate<boolean>(
      'document.activeElement === document.body || document.activeElement.closest("dialog") !== null',
    );
    assert.ok(isInside, 'the focus stays in the dialog');
  }
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.match(await focused(page), /Kick …/);
  assert.equal(client.isClosed(), false);
});

const PAGES = [
  'overview',
  'clients',
  'tap',
  'upstream',
  'authentication',
  'authentication/users',
  'authentication/add',
  'authentication/add/jwt',
  'settings',
  'audit',
];

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1440, 390]) {
    test(`appearance: every page fits into ${width} pixels, in ${colorScheme}`, async (t) => {
      const page = await visit(t, browser, gateway.url, { colorScheme, viewport: { width, height: 860 } });
      for (const path of PAGES) {
        await page.goto(`${gateway.url}#/${path}`);
        await page.locator('main h1').waitFor();
        await waitFor(
          async () => (await page.getByText('Loading …').count()) === 0,
          5_000,
          `the end of loading ${path}`,
        );
        const excess = await page.evaluate<number>(
          'document.documentElement.scrollWidth - window.innerWidth',
        );
        assert.ok(excess <= 0, `${path} is ${excess} pixels too wide`);
        if (PICTURES !== '')
          await takePicture(page, `${path.replaceAll('/', '-')}-${colorScheme}-${width}.png`);
      }
    });
  }
}

async function takePicture(page: Page, name: string): Promise<void> {
  await mkdir(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, name), fullPage: true });
}

test('appearance: the theme that was chosen is kept, whatever the system says', async (t) => {
  const page = await visit(t, browser, gateway.url, { colorScheme: 'light' });
  const background = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
  await page.getByRole('radio', { name: 'Dark' }).check();
  const dark = await background();
  await page.reload();
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  assert.equal(await background(), dark);
  await page.getByRole('radio', { name: 'As the system' }).check();
  assert.notEqual(await background(), dark);
});

test('appearance: on a phone the menu opens and closes', async (t) => {
  const page = await visit(t, browser, gateway.url, { viewport: { width: 390, height: 844 } });
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  const link = page.getByRole('link', { name: 'Audit' });
  assert.equal(await link.isVisible(), false);
  await page.getByRole('button', { name: 'Menu' }).click();
  await link.click();
  await page.getByRole('heading', { name: 'Audit', level: 1 }).waitFor();
  assert.equal(await link.isVisible(), false);
});

test('resilience: a page that is open goes on by itself when the gateway is back', async (t) => {
  const page = await visit(t, browser, gateway.url, { expected: /ERR_/ });
  await seeText(page, 'Ready');
  await gateway.killGateway();
  await page.getByRole('alert').filter({ hasText: 'The gateway does not answer.' }).waitFor();
  await seeText(page, 'No answer');
  await gateway.startGateway();
  await page
    .getByRole('alert')
    .filter({ hasText: 'does not answer' })
    .waitFor({ state: 'detached', timeout: 20_000 });
  await page.getByText('Ready', { exact: true }).waitFor();
});

test('resilience: an address that leads nowhere leads on', async (t) => {
  const page = await visit(t, browser, `${gateway.url}#/no/such/page`);
  await page.getByRole('link', { name: 'Go to the overview' }).click();
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
});
