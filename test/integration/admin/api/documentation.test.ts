/** The examples of docs/api.md, run as they stand there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { httpUrl } from '../../../support/admin.ts';
import { ADMIN_PASSWORD, configText, startAdministered } from '../../../support/administered.ts';
import { startMosquitto } from '../../../support/mosquitto.ts';

const PAGE = new URL('../../../../docs/api.md', import.meta.url);
const DEFAULT_URL = 'http://127.0.0.1:8222';

test('docs/api.md: every example works as it stands there, one after the other', async () => {
  const page = readFileSync(PAGE, 'utf8');
  const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block ?? '');
  assert.ok(blocks.length >= 7);
  const broker = await startMosquitto();
  const more = `
  "authentication": [{ "method": "built_in", "users_file": "FOLDER/users.json" }],
  "lame_duck_grace_period": "0s",
  "lame_duck_duration": "0s",`;
  const admin = await startAdministered({ text: configText(broker.url, more), users: [] });
  try {
    const url = httpUrl(admin.gateway);
    assert.ok(page.includes(DEFAULT_URL));
    const script = `set -eu -o pipefail\n${blocks.join('\n')}`.replaceAll(DEFAULT_URL, url);
    const env = { PATH: process.env.PATH ?? '', ADMIN: `admin:${ADMIN_PASSWORD}` };
    const { stdout } = await promisify(execFile)('bash', ['-c', script], { env, timeout: 30_000 });
    assert.match(stdout, /data: \{"type":"ended","reason":"time"\}/);
    assert.match(stdout, /"verdict":"accept"/);
    assert.match(stdout, /"action":"add user","target":"carl","outcome":"done"/);
    assert.deepEqual(await admin.gateway.exited(), { code: 0, signal: null });
    assert.match(await admin.text(), /"512KB", \/\* as nats-server \*\//);
  } finally {
    await admin.stop();
    await broker.stop();
  }
});
