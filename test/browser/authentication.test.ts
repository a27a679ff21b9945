/** Authentication: the chain and its forms, trying credentials, users. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { connectNats } from '../support/nats.ts';
import { seeResult, seeText, startBrowser, type VisitOptions, visit } from './support/browser.ts';
import { Console } from './support/console.ts';

let browser: Browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

const BUILT_IN = { method: 'built_in', users_file: 'users.json' };

/** A gateway of the test's own, and a page of it; the page is closed first. */
async function open(
  t: TestContext,
  authentication: readonly unknown[],
  path: string,
  options: VisitOptions = {},
): Promise<{ gateway: Console; page: Page }> {
  const gateway = await Console.start({
    settings: { authentication },
    files: { 'users.json': '{ "users": [] }' },
  });
  try {
    const page = await visit(t, browser, `${gateway.url}#/${path}`, options);
    return { gateway, page };
  } finally {
    t.after(() => gateway.stop());
  }
}

async function addUser(page: Page, name: string, password: string): Promise<void> {
  await page.getByRole('button', { name: 'Add a user' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('User', { exact: true }).fill(name);
  await dialog.getByLabel('Password').fill(password);
  await dialog.getByRole('button', { name: 'Add' }).click();
}

async function isLetIn(gateway: Console, user: string, pass: string): Promise<boolean> {
  try {
    const client = await connectNats(gateway.natsUrl, { user, pass });
    await client.close();
    return true;
  } catch {
    return false;
  }
}

test('authentication: a method is added, tried, switched off and deleted', async (t) => {
  const { gateway, page } = await open(t, [], 'authentication');
  await seeText(page, 'Everyone may connect');
  await page.getByRole('link', { name: 'Add a method' }).click();
  await page.getByRole('link', { name: /^token/ }).click();
  await page.locator('[id="field-token"]').fill('s3cret-of-the-test');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await seeResult(page, 'token was added');
  assert.equal(await isLetIn(gateway, 'ann', 'x'), false);

  await page.getByRole('textbox', { name: 'Token' }).fill('s3cret-of-the-test');
  await page.getByRole('button', { name: 'Try' }).click();
  await page.getByText('Accepted', { exact: true }).waitFor();
  await page.getByRole('textbox', { name: 'Token' }).fill('another');
  await page.getByRole('button', { name: 'Try' }).click();
  await page.getByText('Refused', { exact: true }).waitFor();

  await page.getByRole('switch', { name: 'token is asked' }).click();
  await seeResult(page, 'token is off');
  assert.equal(await isLetIn(gateway, 'ann', 'x'), true);
  await page.getByRole('button', { name: 'Delete …' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await seeResult(page, 'token was deleted');
  await seeText(page, 'Everyone may connect');
});

test('authentication: a method is edited; what is wrong stays in the form, a secret nobody touched stays itself', async (t) => {
  const method = {
    method: 'http',
    url: 'http://127.0.0.1:1/auth',
    headers: { Authorization: 'Bearer s3cret' },
  };
  const { gateway, page } = await open(t, [method, BUILT_IN], 'authentication', { expected: /4\d\d/ });
  const url = page.locator('[id="field-url"]');
  await page.getByRole('link', { name: 'Edit http' }).click();
  await page.getByRole('heading', { name: 'Edit http' }).waitFor();
  assert.equal(await url.inputValue(), method.url);
  await url.fill('nonsense');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.field.wrong', { has: url }).waitFor();
  assert.equal(await url.inputValue(), 'nonsense');
  assert.deepEqual((await gateway.file()).authentication, [method, BUILT_IN]);

  await url.fill('http://127.0.0.1:2/auth');
  await page.getByText('More settings').click();
  await page.locator('[id="field-timeout"]').fill('7s');
  await page.getByRole('button', { name: 'Save' }).click();
  await seeResult(page, 'http was changed');
  await page.getByText('http://127.0.0.1:2/auth').waitFor();
  assert.deepEqual((await gateway.file()).authentication, [
    { ...method, url: 'http://127.0.0.1:2/auth', timeout: '7s' },
    BUILT_IN,
  ]);
});

test('authentication: a form with something wrong says what and where', async (t) => {
  const { gateway, page } = await open(t, [BUILT_IN], 'authentication/add/http', { expected: /4\d\d/ });
  await page.locator('[id="field-url"]').fill('ftp://nowhere');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.locator('.field.wrong', { has: page.locator('[id="field-url"]') }).waitFor();
  assert.deepEqual((await gateway.file()).authentication, [BUILT_IN]);
  await page.locator('[id="field-url"]').fill('http://127.0.0.1:1/auth');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await seeResult(page, 'http was added');

  await page.getByRole('button', { name: 'Ask later' }).first().click();
  await seeResult(page, 'built_in is asked as number 2 now');
  const chain = (await gateway.file()).authentication as readonly { method: string }[];
  assert.deepEqual(
    chain.map(({ method }) => method),
    ['http', 'built_in'],
  );
});

test('authentication: a user is added, changed, found and deleted, and may connect meanwhile', async (t) => {
  const { gateway, page } = await open(t, [BUILT_IN], 'authentication/users', { expected: /4\d\d/ });
  await seeText(page, 'There are no users yet');
  await addUser(page, 'ann', 'first password');
  await seeResult(page, 'ann was added');
  assert.equal(await isLetIn(gateway, 'ann', 'first password'), true);
  assert.equal(await isLetIn(gateway, 'ann', 'wrong'), false);

  await addUser(page, 'ann', 'x');
  await page.getByRole('dialog').getByRole('alert').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();

  await page.getByRole('button', { name: 'Change ann' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Permissions').fill('{ not json');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText(/are no JSON/).waitFor();
  await dialog.getByLabel('Permissions').fill('{ "publish": ["site.a.>"] }');
  await dialog.getByLabel('New password').fill('second password');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await seeResult(page, 'ann was changed');
  await page.getByText('site.a.>').waitFor();
  assert.equal(await isLetIn(gateway, 'ann', 'second password'), true);
  assert.equal(await isLetIn(gateway, 'ann', 'first password'), false);

  await page.getByRole('searchbox', { name: 'Search' }).fill('zzz');
  await seeText(page, 'No user matches');
  await page.getByRole('searchbox', { name: 'Search' }).fill('an');
  await page.getByRole('button', { name: 'Delete ann' }).click();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await seeResult(page, 'ann was deleted');
  assert.equal(await isLetIn(gateway, 'ann', 'second password'), false);
});

test('authentication: good news goes after six seconds, and takes no later one along', async (t) => {
  const { page } = await open(t, [BUILT_IN], 'authentication/users');
  await seeText(page, 'There are no users yet');
  await page.clock.install();
  await addUser(page, 'ann', 'first password');
  await seeResult(page, 'ann was added');
  await page.clock.runFor(5_000);
  await addUser(page, 'bob', 'second password');
  const message = page.locator('.message', { hasText: 'bob was added' });
  await message.waitFor();
  await page.clock.runFor(2_000);
  assert.equal(await message.count(), 1);
  await page.clock.runFor(4_000);
  await message.waitFor({ state: 'detached' });
});

test('authentication: users are imported from what EMQX exports; something else is refused', async (t) => {
  const { page } = await open(t, [BUILT_IN], 'authentication/users', { expected: /4\d\d/ });
  await page.getByRole('button', { name: 'Import …' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Format').selectOption('csv');
  await dialog.getByLabel('Content').fill('nothing,of,the,kind\n1,2,3,4\n');
  await dialog.getByRole('button', { name: 'Import', exact: true }).click();
  await dialog.getByRole('alert').waitFor();

  const hash = createHash('sha256').update('ab12secret').digest('hex');
  await dialog
    .getByLabel('Content')
    .fill(`user_id,password_hash,salt,is_superuser\ncarla,${hash},ab12,true\n`);
  await dialog.getByRole('button', { name: 'Import', exact: true }).click();
  await dialog.getByText(/1 user added/).waitFor();
  await dialog.getByRole('button', { name: 'Close' }).click();
  await page.getByRole('row', { name: /carla.*superuser/ }).waitFor();
});
