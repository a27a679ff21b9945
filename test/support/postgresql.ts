/**
 * A real PostgreSQL for tests, with a data folder of its own that is made anew for each instance. It refuses to run as
 * root: then it runs as the user `postgres`, whom the package creates. Knows nothing of the gateway.
 */
import { execFileSync } from 'node:child_process';
import { chown, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type CertificateFiles, makeCertificates } from './certificates.ts';
import { LOOPBACK } from './free-port.ts';
import { ManagedProcess, PROGRAMS, type ProcessUser, requireProgram } from './processes.ts';
import { Service, type ServiceDefinition } from './service.ts';

/** Of the account that the tests fill the tables with. */
const KEEPER_PASSWORD = 'keeper-of-the-test-database';

/** Everybody comes with a password. */
const ACCESS = 'host all all 127.0.0.1/32 scram-sha-256\n';

/** A running PostgreSQL. */
export interface Postgresql extends Service {
  readonly certificates: CertificateFiles;
  /** Runs statements as an administrator, in the database `postgres`. */
  sql(...statements: string[]): Promise<void>;
  /** Rows of a table. */
  count(table: string): Promise<number>;
}

/**
 * Starts PostgreSQL on a free loopback port; TLS is offered, not required.
 * @throws {Error} one line with the command that installs it, when it is missing
 */
export async function startPostgresql(): Promise<Postgresql> {
  const user = process.getuid?.() === 0 ? accountOf('postgres') : undefined;
  const folder = await mkdtemp(join(tmpdir(), 'nmg-postgresql-'));
  const data = join(folder, 'data');
  const definition: ServiceDefinition = {
    program: requireProgram(PROGRAMS.postgres),
    user,
    // With SIGTERM it would wait for its clients to leave.
    stopSignal: 'SIGINT',
    readyLine: /ready to accept connections/,
    arguments: (port) => Promise.resolve(['-D', data, ...serverArguments(folder, port)]),
    probe: async (port) => {
      await runSql(port, ['SELECT 1']);
    },
    cleanUp: () => rm(folder, { recursive: true, force: true }),
  };
  try {
    const certificates = await makeCertificates(folder, 'gateway');
    await writeFile(join(folder, 'password'), KEEPER_PASSWORD);
    if (user !== undefined) await giveAway(folder, user);
    await initialise(folder, data, user);
    await writeFile(join(data, 'pg_hba.conf'), ACCESS);
    const service = await Service.start(definition);
    return Object.assign(service, {
      certificates,
      sql: async (...statements: string[]) => {
        await runSql(service.port, statements);
      },
      count: async (table: string) =>
        Number((await runSql(service.port, [`SELECT count(*) AS n FROM ${table}`]))[0]?.n),
    });
  } catch (error) {
    await definition.cleanUp();
    throw error;
  }
}

function accountOf(name: string): ProcessUser {
  const id = (option: string): number => Number(execFileSync('id', [option, name], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

async function giveAway(folder: string, { uid, gid }: ProcessUser): Promise<void> {
  const files = await readdir(folder);
  await Promise.all(
    [folder, ...files.map((file) => join(folder, file))].map((path) => chown(path, uid, gid)),
  );
}

async function initialise(folder: string, data: string, user: ProcessUser | undefined): Promise<void> {
  const account = ['-U', 'keeper', '--auth=scram-sha-256', `--pwfile=${join(folder, 'password')}`];
  const args = ['-D', data, '-E', 'UTF8', '--locale=C', '--no-sync', ...account];
  const run = new ManagedProcess({ path: requireProgram(PROGRAMS.initdb), args, cwd: folder, user });
  const { code } = await run.exited;
  if (code !== 0) throw new Error(`initdb ended with ${code}:\n${run.stderr}${run.stdout}`);
}

function serverArguments(folder: string, port: number): string[] {
  const settings = {
    listen_addresses: LOOPBACK,
    port,
    unix_socket_directories: '',
    fsync: 'off',
    shared_buffers: '16MB',
    ssl: 'on',
    ssl_ca_file: join(folder, 'ca.crt'),
    ssl_cert_file: join(folder, 'server.crt'),
    ssl_key_file: join(folder, 'server.key'),
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** @returns the rows of the last statement */
async function runSql(port: number, statements: readonly string[]): Promise<pg.QueryResultRow[]> {
  const client = new pg.Client({
    host: LOOPBACK,
    port,
    user: 'keeper',
    password: KEEPER_PASSWORD,
    database: 'postgres',
  });
  await client.connect();
  try {
    let rows: pg.QueryResultRow[] = [];
    for (const statement of statements) ({ rows } = await client.query(statement));
    return rows;
  } finally {
    await client.end();
  }
}
