/** The overview: first steps, live figures, and what has gone wrong. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { connectNats } from '../support/nats.ts';
import { seeText, startBrowser, visit } from './support/browser.ts';
import { Console } from './support/console.ts';

let browser: Browser;
let gateway: Console;
before(async () => {
  browser = await startBrowser();
  gateway = await Console.start();
});
after(async () => {
  await browser?.close();
  await gateway?.stop();
});

test('overview: says how to connect as long as nobody has, and shows what passes then', async (t) => {
  const page = await visit(t, browser, gateway.url);
  await seeText(page, 'No client has connected yet');
  await seeText(page, `nats --server ${gateway.natsUrl} sub 'hello.>'`);
  await page.getByRole('button', { name: 'Copy' }).first().waitFor();

  const client = await connectNats(gateway.natsUrl);
  t.after(() => client.close());
  client.subscribe('ov.>', { callback: () => undefined });
  const publishing = setInterval(() => {
    for (let i = 0; i < 20; i++) client.publish('ov.x', 'payload of some bytes');
  }, 50);
  t.after(() => clearInterval(publishing));

  const flow = page.getByRole('region', { name: 'What passes now' });
  await flow.getByText('1 connection').waitFor();
  await page.getByText('No client has connected yet').waitFor({ state: 'detached' });
  // 400 per second, seen with the clocks of two processes and a browser.
  await flow
    .locator('.lane.there')
    .getByText(/^(2|3|4|5)\d\d msg\/s$/)
    .waitFor();
  await flow
    .locator('.lane.back')
    .getByText(/^(2|3|4|5)\d\d msg\/s$/)
    .waitFor();
  await flow
    .locator('.lane.there')
    .getByText(/KB\/s$/)
    .waitFor();
  await flow.getByText('connected').waitFor();
  assert.equal(await page.locator('.chart canvas').count(), 4);
  const chart = page.getByRole('img', { name: /Messages per second\. Now \d+ to the broker/ });
  await chart.waitFor();
});

test('overview: shows listeners, what was not passed on, and why connections have ended', async (t) => {
  const client = await connectNats(gateway.natsUrl);
  // Clients may not publish to what belongs to the broker.
  client.publish('$SYS.broker.uptime', 'x');
  await client.flush();
  await client.close();

  const page = await visit(t, browser, `${gateway.url}#/overview`);
  const listeners = page.getByRole('table').filter({ hasText: 'Accepted' });
  await listeners.getByRole('row', { name: /tcp.*nats:\/\/127\.0\.0\.1.*listening/ }).waitFor();
  await page
    .getByRole('region', { name: 'Messages that were not passed on' })
    .getByText(/\w/)
    .nth(1)
    .waitFor();
  await page.getByRole('region', { name: 'Why connections have ended' }).getByText('Client Closed').waitFor();
});

test('overview: a broker that is away is what is seen first', async (t) => {
  // Without a client nobody would miss the broker.
  const client = await connectNats(gateway.natsUrl);
  t.after(() => client.close());
  const page = await visit(t, browser, gateway.url);
  await seeText(page, 'Ready');
  await gateway.broker.kill();
  try {
    await page.getByRole('alert').filter({ hasText: 'Clients are not served' }).waitFor();
    await seeText(page, 'Not ready');
  } finally {
    await gateway.broker.restart();
  }
  await page.getByText('Ready', { exact: true }).waitFor();
});
