/**
 * A real MariaDB for tests, with a data folder of its own that is made anew for each instance.
 * Knows nothing of the gateway.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { type CertificateFiles, makeCertificates } from './certificates.ts';
import { LOOPBACK } from './free-port.ts';
import { PROGRAMS, requireProgram } from './processes.ts';
import { Service, type ServiceDefinition } from './service.ts';

/** Of the account that the tests fill the tables with. */
const KEEPER_PASSWORD = 'keeper-of-the-test-database';
/** Where Debian keeps the statements that create the system tables. */
const SYSTEM_TABLES = [
  '/usr/share/mysql/mysql_system_tables.sql',
  '/usr/share/mysql/mysql_system_tables_data.sql',
];
const SMALL = ['--innodb-log-file-size=4M', '--innodb-buffer-pool-size=8M', '--innodb-flush-method=nosync'];

/** A running MariaDB with an empty database `mqtt`. */
export interface MariaDb extends Service {
  readonly certificates: CertificateFiles;
  /** Runs statements as an administrator, one after the other. */
  sql(...statements: string[]): Promise<void>;
  /** Rows of a table. */
  count(table: string): Promise<number>;
}

/**
 * Starts MariaDB on a free loopback port; TLS is offered, not required.
 * @throws {Error} one line with the command that installs it, when it is missing
 */
export async function startMariaDb(): Promise<MariaDb> {
  const program = requireProgram(PROGRAMS.mariadb);
  const folder = await mkdtemp(join(tmpdir(), 'nmg-mariadb-'));
  const data = join(folder, 'data');
  const base = ['--no-defaults', `--datadir=${data}`, `--user=${userInfo().username}`, ...SMALL];
  const definition: ServiceDefinition = {
    program,
    readyLine: /ready for connections/,
    arguments: (port) => Promise.resolve([...base, ...serverArguments(folder, port)]),
    probe: async (port) => {
      await runSql(port, ['SELECT 1']);
    },
    cleanUp: () => rm(folder, { recursive: true, force: true }),
  };
  try {
    const certificates = await makeCertificates(folder, 'gateway');
    await mkdir(join(data, 'mysql'), { recursive: true });
    await bootstrap(program, base);
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

function serverArguments(folder: string, port: number): string[] {
  return [
    `--port=${port}`,
    `--bind-address=${LOOPBACK}`,
    `--socket=${join(folder, 'socket')}`,
    '--skip-name-resolve',
    `--ssl-ca=${join(folder, 'ca.crt')}`,
    `--ssl-cert=${join(folder, 'server.crt')}`,
    `--ssl-key=${join(folder, 'server.key')}`,
  ];
}

/** What mariadb-install-db does, without the help texts; that script is in another package than the server. */
async function bootstrap(program: string, base: readonly string[]): Promise<void> {
  const statements = await Promise.all(SYSTEM_TABLES.map((file) => readFile(file, 'utf8')));
  const child = spawn(program, [...base, '--bootstrap'], { stdio: ['pipe', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const account = `CREATE USER 'keeper'@'${LOOPBACK}' IDENTIFIED BY '${KEEPER_PASSWORD}';\nGRANT ALL ON *.* TO 'keeper'@'${LOOPBACK}' WITH GRANT OPTION;\n`;
  child.stdin.end(
    `USE mysql;\n${statements.join('\n')}\nFLUSH PRIVILEGES;\n${account}CREATE DATABASE mqtt;\n`,
  );
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`mariadbd --bootstrap ended with ${code}:\n${log}`);
}

/** @returns the rows of the last statement */
async function runSql(port: number, statements: readonly string[]): Promise<RowDataPacket[]> {
  const connection: Connection = await createConnection({
    host: LOOPBACK,
    port,
    user: 'keeper',
    password: KEEPER_PASSWORD,
    database: 'mqtt',
  });
  try {
    let rows: RowDataPacket[] = [];
    for (const statement of statements) [rows] = await connection.query<RowDataPacket[]>(statement);
    return rows;
  } finally {
    await connection.end();
  }
}
