/** A gateway process with a configuration file that stays, and its admin API. Other answers than expected are errors. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Problem } from '../../src/admin/api-types.ts';
import { type Answer, ask, basic, httpUrl } from './admin.ts';
import { parseLogLines } from './gateway.ts';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.ts';
import { ManagedProcess } from './processes.ts';

/** Who administers. */
export const ADMIN_PASSWORD = 'admin-secret-4711';

/** Options of {@link startAdministered}. */
export interface AdministeredOptions {
  /** Content of the configuration file; `FOLDER` stands for its folder. */
  readonly text: string;
  /** Content of `users.json` next to it. */
  readonly users?: unknown;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** See the head of the file. */
export class Administered {
  readonly gateway: GatewayProcess;
  readonly folder: string;
  /** Bodies of all answers. */
  readonly answers: string[] = [];

  constructor(gateway: GatewayProcess, folder: string) {
    this.gateway = gateway;
    this.folder = folder;
  }

  get file(): string {
    return join(this.folder, 'config.json');
  }

  get usersFile(): string {
    return join(this.folder, 'users.json');
  }

  text(): Promise<string> {
    return readFile(this.file, 'utf8');
  }

  url(path: string): string {
    return `${httpUrl(this.gateway)}/api/v1${path}`;
  }

  async ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const answer = await ask(this.url(path), {
      ...{ method, headers: { ...basic('admin', ADMIN_PASSWORD), ...headers } },
      ...(body !== undefined && { body }),
    });
    this.answers.push(answer.text);
    return answer;
  }

  /** @throws {Error} when the answer is no success */
  async ok<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.ask(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.text === '' ? (undefined as T) : answer.json<T>();
  }

  /** @throws {Error} when the answer is no problem */
  async refused(method: string, path: string, body?: unknown): Promise<Problem> {
    const answer = await this.ask(method, path, body);
    if (!answer.headers['content-type']?.startsWith('application/problem+json'))
      throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.json<Problem>();
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Starts it. */
export async function startAdministered(options: AdministeredOptions): Promise<Administered> {
  const folder = await mkdtemp(join(tmpdir(), 'nmg-admin-'));
  const file = join(folder, 'config.json');
  await writeFile(file, options.text.replaceAll('FOLDER', folder), { mode: 0o640 });
  if (options.users !== undefined)
    await writeFile(join(folder, 'users.json'), JSON.stringify({ users: options.users }), { mode: 0o600 });
  const { env, args = [] } = options;
  try {
    const gateway = await startGatewayProcess({ args: ['-c', file, ...args], ...(env && { env }) });
    return new Administered(gateway, folder);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** The program in an empty folder, so that it finds no configuration file. */
export async function startWithoutFile(brokerUrl: string): Promise<{
  readonly url: string;
  readonly natsUrl: string;
  readonly folder: string;
  stop(): Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'nmg-admin-'));
  const run = new ManagedProcess({
    path: process.execPath,
    args: [
      fileURLToPath(new URL('../../dist/main.js', import.meta.url)),
      ...['--set', `upstream.url=${brokerUrl}`, '--set', 'listeners[0].bind=127.0.0.1:0'],
      ...['--set', 'http.bind=127.0.0.1:0', '--set', 'log.format=json'],
    ],
    env: { PATH: process.env.PATH ?? '' },
    cwd: folder,
  });
  const stop = async (): Promise<void> => {
    await run.end();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await run.untilOutput(/"event":"process\.ready"/, 15_000);
    const lines = parseLogLines(run.stdout);
    return {
      url: String(lines.find(({ event }) => event === 'admin.started')?.url),
      natsUrl: `nats://127.0.0.1:${lines.find(({ event }) => event === 'listener.started')?.port}`,
      folder,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A configuration file as people write them. */
export function configText(brokerUrl: string, more = ''): string {
  return `{
  // Where clients connect.
  "listeners": [
    { "name": "tcp", "bind": "127.0.0.1:0" } // a free port
  ],
  "max_payload": "1MB", /* as nats-server */
  "upstream": {
    "url": "${brokerUrl}", // our broker
    "mode": "per_client"
  },
  "client_info": { "username": "", "password": "" },${more}
  "http": {
    "bind": "127.0.0.1:0",
    // Keep this one safe.
    "users": [{ "name": "admin", "password": "${ADMIN_PASSWORD}" }]
  },
  "log": { "format": "json" } // for the collector
}
`;
}
