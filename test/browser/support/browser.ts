/**
 * A real Chromium, and a visit to the dashboard that notices what nobody would look at: complaints in the console, and
 * requests to anybody else.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { PROGRAMS, requireProgram } from '../../support/processes.ts';

const LIMIT_MS = 8_000;

/** Nothing that talks to anybody by itself. */
const ARGUMENTS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts Chromium with a profile that is new and goes with it. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: requireProgram(PROGRAMS.chromium), args: ARGUMENTS });
}

/** How a visit differs from that of somebody at a desk. */
export interface VisitOptions extends BrowserContextOptions {
  /** Refusals that the test asks for: browsers complain of every answer of 400 and more, and of none. */
  readonly expected?: RegExp;
}

/** Opens a page in a profile of its own. At the end of the test it is closed, and must not have complained. */
export async function visit(
  t: TestContext,
  browser: Browser,
  url: string,
  { expected, ...options }: VisitOptions = {},
): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT_MS);
  const complaints: string[] = [];
  const complain = (text: string): void => {
    if (expected === undefined || !expected.test(text)) complaints.push(text);
  };
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complain(message.text());
  });
  page.on('pageerror', (error) => complain(error.stack ?? error.message));
  const own = new URL(url).origin;
  context.on('request', (request) => {
    if (new URL(request.url()).origin !== own) complaints.push(`asked ${request.url()}`);
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(complaints, []);
  });
  await page.goto(url);
  return page;
}

/** Waits until the page says it somewhere. */
export async function seeText(page: Page, text: string | RegExp): Promise<void> {
  await page.getByText(text).first().waitFor();
}

/** Waits for the result of something that was done, and dismisses it. */
export async function seeResult(page: Page, text: string | RegExp): Promise<void> {
  const message = page.locator('.message', { hasText: text }).first();
  try {
    await message.waitFor();
  } catch (error) {
    // What the page says in its place is what somebody has to know.
    if (error instanceof Error)
      error.message += `\nthe page says:\n${await page.locator('body').textContent()}`;
    throw error;
  }
  await message.getByRole('button', { name: 'Dismiss' }).click();
}

/** Text of the element that has the focus, its label included. */
export function focused(page: Page): Promise<string> {
  return page.evaluate<string>(
    '(document.activeElement?.getAttribute("aria-label") ?? "") + (document.activeElement?.textContent ?? "") + (document.activeElement?.id ?? "")',
  );
}
