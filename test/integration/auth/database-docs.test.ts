/** The examples of docs/authentication-databases.md, run as they stand there; only the ports are others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AuthorizationError } from '@nats-io/transport-node';
import { DocumentedExamples } from '../../support/documented-examples.ts';
import { startGateway } from '../../support/gateway.ts';
import { startMariaDb } from '../../support/mariadb.ts';
import { startMosquitto } from '../../support/mosquitto.ts';
import { connectNats } from '../../support/nats.ts';
import { startPostgresql } from '../../support/postgresql.ts';
import { startRedis } from '../../support/redis.ts';

const page = new DocumentedExamples('docs/authentication-databases.md');

/** The code block of a language under a heading. */
function block(heading: string, language: string): string {
  const section = page.text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  const found = section?.split(`\`\`\`${language}\n`)[1]?.split('```')[0];
  assert.ok(found !== undefined, `${heading} has no ${language}`);
  return found;
}

async function works(name: string, defaultPort: number, port: number): Promise<void> {
  const settings = page.settings(name, { [`127.0.0.1:${defaultPort}`]: `127.0.0.1:${port}` });
  const broker = await startMosquitto();
  const gateway = await startGateway({
    ...settings,
    upstream: { url: broker.url },
  });
  try {
    const nats = await connectNats(gateway, { user: 'ann', pass: 'anns-password' });
    await nats.close();
    await assert.rejects(connectNats(gateway, { user: 'ann', pass: 'wrong' }), AuthorizationError);
    await assert.rejects(connectNats(gateway, { user: 'bob', pass: 'anns-password' }), AuthorizationError);
    assert.equal(gateway.logLines('auth.backend_failed').length, 0);
  } finally {
    await gateway.stop();
    await broker.stop();
  }
}

const statements = (sql: string): string[] =>
  sql
    .split(/;\n/)
    .map((one) => one.trim())
    .filter((one) => one !== '');

test('docs: the example for MySQL works', async () => {
  const server = await startMariaDb();
  try {
    await server.sql(...statements(block('MySQL and MariaDB', 'sql')));
    await works('mysql', 3306, server.port);
  } finally {
    await server.stop();
  }
});

test('docs: the example for PostgreSQL works', async () => {
  const server = await startPostgresql();
  try {
    await server.sql(...statements(block('PostgreSQL', 'sql')));
    await works('postgresql', 5432, server.port);
  } finally {
    await server.stop();
  }
});

test('docs: the example for Redis works', async () => {
  const server = await startRedis();
  try {
    for (const line of block('Redis', 'redis').trim().split('\n')) {
      const [name = '', ...values] = line.split(' ');
      await server.command(name, ...values);
    }
    await works('redis', 6379, server.port);
  } finally {
    await server.stop();
  }
});

test('docs: every example for databases has been run', () => {
  page.assertAllTried();
});
