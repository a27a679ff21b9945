/**
 * The built program with its dashboard, on a Mosquitto of its own: configured by a file that stays, so that settings can be
 * changed, and on a fixed HTTP port, so that it can be started again under the same address.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, LOOPBACK } from '../../support/free-port.ts';
import { type LogLine, parseLogLines } from '../../support/gateway.ts';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts';
import { ManagedProcess } from '../../support/processes.ts';
import { waitFor } from '../../support/wait-for.ts';

const PROGRAM = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));
const START_LIMIT_MS = 15_000;

/** What differs from a gateway that was just installed. */
export interface ConsoleOptions {
  /** Settings by the names of the configuration file; `http` may be given in part. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Further files next to the configuration file, content by name. */
  readonly files?: Readonly<Record<string, string>>;
}

/** See the head of this file. */
export class Console {
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #httpPort: number;
  readonly #broker: Mosquitto;
  #run: ManagedProcess | null = null;

  private constructor(
    folder: string,
    httpPort: number,
    broker: Mosquitto,
    env: Readonly<Record<string, string>>,
  ) {
    this.#folder = folder;
    this.#httpPort = httpPort;
    this.#broker = broker;
    this.#env = env;
  }

  /** Starts broker and gateway. @throws {Error} with its output when the gateway does not start */
  static async start({ settings = {}, env = {}, files = {} }: ConsoleOptions = {}): Promise<Console> {
    const broker = await startMosquitto();
    const folder = await mkdtemp(join(tmpdir(), 'nmg-console-'));
    const httpPort = await freePort();
    const content = {
      listeners: [{ name: 'tcp', type: 'tcp', bind: `${LOOPBACK}:${await freePort()}` }],
      log: { format: 'json' },
      upstream: { url: broker.url },
      ...settings,
      http: { bind: `${LOOPBACK}:${httpPort}`, ...(settings.http as object | undefined) },
    };
    await writeFile(join(folder, 'config.json'), JSON.stringify(content, null, 2));
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    const started = new Console(folder, httpPort, broker, env);
    try {
      await started.startGateway();
    } catch (error) {
      await started.stop();
      throw error;
    }
    return started;
  }

  /** Of the page. */
  get url(): string {
    return `http://${LOOPBACK}:${this.#httpPort}/`;
  }

  /** Of the first listener. */
  get natsUrl(): string {
    return `nats://${LOOPBACK}:${Number(this.logLines('listener.started')[0]?.port)}`;
  }

  get broker(): Mosquitto {
    return this.#broker;
  }

  /** Path of a file next to the configuration file. */
  path(name: string): string {
    return join(this.#folder, name);
  }

  /** The configuration file as it is now. */
  async file(): Promise<Readonly<Record<string, unknown>>> {
    return JSON.parse(await readFile(this.path('config.json'), 'utf8')) as Record<string, unknown>;
  }

  /** Null as long as it runs. */
  get exitCode(): number | null {
    return this.#run?.exit?.code ?? null;
  }

  logLines(event: string): LogLine[] {
    return parseLogLines(this.#run?.stdout ?? '').filter((line) => line.event === event);
  }

  /** Starts the gateway again after {@link killGateway}. */
  async startGateway(): Promise<void> {
    const run = new ManagedProcess({
      path: process.execPath,
      args: [PROGRAM, 'serve', '-c', this.path('config.json')],
      env: { PATH: process.env.PATH ?? '', ...this.#env },
      cwd: this.#folder,
    });
    this.#run = run;
    await waitFor(
      async () => run.exit !== null || (await fetch(this.url)).ok,
      START_LIMIT_MS,
      'the dashboard to be served',
    );
    if (run.exit !== null) throw new Error(`the gateway has ended:\n${run.stdout}${run.stderr}`);
  }

  /** As a crash does. */
  async killGateway(): Promise<void> {
    await this.#run?.end('SIGKILL');
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    await this.#run?.end();
    await this.#broker.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
