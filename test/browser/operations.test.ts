/** What is done to the whole gateway: reading the file again, a lame duck, workers that come and go. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { connectNats } from '../support/nats.ts';
import { waitFor } from '../support/wait-for.ts';
import { seeResult, seeText, startBrowser, type VisitOptions, visit } from './support/browser.ts';
import { Console } from './support/console.ts';

let browser: Browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

/** A gateway of the test's own, and a page of it; the page is closed first. */
async function open(
  t: TestContext,
  path: string,
  settings: Readonly<Record<string, unknown>> = {},
  options: VisitOptions = {},
): Promise<{ gateway: Console; page: Page }> {
  const gateway = await Console.start({ settings });
  try {
    const page = await visit(t, browser, `${gateway.url}#/${path}`, options);
    return { gateway, page };
  } finally {
    t.after(() => gateway.stop());
  }
}

test('reload: takes over what was edited in the file, and says what that is; a client stays', async (t) => {
  const { gateway, page } = await open(t, 'settings', { max_payload: '1MB' });
  const client = await connectNats(gateway.natsUrl);
  t.after(() => client.close());
  const reload = page.getByRole('button', { name: 'Read the file again' });
  await reload.click();
  await seeResult(page, 'Nothing has changed');
  await writeFile(
    gateway.path('config.json'),
    JSON.stringify({ ...(await gateway.file()), max_payload: '2MB' }),
  );
  await reload.click();
  await seeResult(page, 'Taken over: max_payload');
  assert.equal(await page.locator('[id="field-max_payload"]').inputValue(), '2MB');
  await client.flush();
});

test('reload: a file with something wrong changes nothing, and the page says why', async (t) => {
  const { gateway, page } = await open(t, 'settings', {}, { expected: /4\d\d/ });
  const good = await gateway.file();
  const reload = page.getByRole('button', { name: 'Read the file again' });
  await writeFile(
    gateway.path('config.json'),
    JSON.stringify({ ...good, max_payload: 'plenty', colour: 'red' }),
  );
  await reload.click();
  await seeResult(
    page,
    /cannot be taken over: max_payload = "plenty" must be .*; colour is not a known setting/,
  );
  await writeFile(gateway.path('config.json'), '{ "max_payload": ');
  await reload.click();
  await seeResult(page, /cannot be taken over: .*config\.json:1: not valid JSON/);
  await (await connectNats(gateway.natsUrl)).close();
});

test('lame duck: asks first; then clients are told, the page says so, and the gateway ends', async (t) => {
  const { gateway, page } = await open(
    t,
    'overview',
    { lame_duck_grace_period: '3s', lame_duck_duration: '30s' },
    { expected: /ERR_/ },
  );
  const client = await connectNats(gateway.natsUrl);
  t.after(() => client.close());
  const told = (async () => {
    for await (const { type } of client.status()) if (type === 'ldm') return;
  })();
  const begin = page.getByRole('button', { name: 'Lame duck …' });
  await begin.click();
  await page
    .getByRole('dialog')
    .getByText(/the client that is connected/)
    .waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  assert.deepEqual(gateway.logLines('gateway.lame_duck'), []);

  await begin.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Begin lame duck' }).click();
  await seeText(page, 'Lame duck: clients are told to connect elsewhere');
  assert.ok(await begin.isDisabled());
  await told;
  await page
    .getByRole('alert')
    .filter({ hasText: 'The gateway does not answer.' })
    .waitFor({ timeout: 20_000 });
  await waitFor(() => gateway.exitCode !== null, 10_000, 'the end of the gateway');
  assert.equal(gateway.exitCode, 0);
});

test('workers: each has a row; one that dies is counted and comes back', async (t) => {
  const { gateway, page } = await open(t, 'overview', { workers: 2 });
  const table = page.getByRole('table', { name: 'Workers' });
  await table.getByRole('row', { name: /^1 running/ }).waitFor();
  await table.getByRole('row', { name: /^2 running/ }).waitFor();
  const pid = Number(await table.getByRole('row', { name: /^2/ }).getByRole('cell').last().textContent());
  assert.ok(pid > 1);
  process.kill(pid, 'SIGKILL');
  const row = table.getByRole('row', { name: /^2 running 0 0 B 1/ });
  await row.waitFor({ timeout: 20_000 });
  assert.notEqual(Number(await row.getByRole('cell').last().textContent()), pid);
  assert.ok(gateway.logLines('worker.exited').length > 0);
});
