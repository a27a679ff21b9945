/**
 * A real server program on a free port, as tests see it: start, stall, kill, restart on the same port.
 * Knows nothing of MQTT or NATS; mosquitto.ts and nats-server.ts say what to run and what readiness is.
 */
import { freePort, LOOPBACK } from './free-port.ts';
import { ManagedProcess, type ProcessUser } from './processes.ts';
import { waitFor } from './wait-for.ts';

const PORT_ATTEMPTS = 10;
const RESTART_LIMIT_MS = 10_000;
const PORT_TAKEN = /address already in use/i;

/** What differs between the programs. */
export interface ServiceDefinition {
  readonly program: string;
  /** Replaces the environment of the tests. */
  readonly environment?: NodeJS.ProcessEnv;
  /** How long a start may take; 10 s when left out. */
  readonly startLimitMs?: number;
  /** Whom it runs as; whoever runs the tests when left out. */
  readonly user?: ProcessUser | undefined;
  /** Ends it in an orderly way; SIGTERM when left out. */
  readonly stopSignal?: NodeJS.Signals;
  /** Arguments for a start on this port; may write configuration files. */
  arguments(port: number): Promise<string[]>;
  /** The program's own words that it listens: the only proof that the listener on the port is not somebody else's. */
  readonly readyLine: RegExp;
  /** Speaks the protocol once; rejects when the server does not answer. */
  probe(port: number): Promise<void>;
  /** Removes what `arguments` has written. */
  cleanUp(): Promise<void>;
}

/** A running server program. */
export class Service {
  readonly host = LOOPBACK;
  readonly port: number;
  readonly #definition: ServiceDefinition;
  #process: ManagedProcess;

  private constructor(definition: ServiceDefinition, port: number, process: ManagedProcess) {
    this.#definition = definition;
    this.port = port;
    this.#process = process;
  }

  /**
   * Starts the program on a free port; takes another one when somebody else was faster.
   * @throws {Error} with the program's output when it does not start
   */
  static async start(definition: ServiceDefinition): Promise<Service> {
    for (let attempt = 1; ; attempt++) {
      const port = await freePort();
      const run = await launch(definition, port);
      if (run !== null) return new Service(definition, port, run);
      if (attempt === PORT_ATTEMPTS) throw new Error(`${definition.program}: every port tried was taken`);
    }
  }

  /** Changes with every restart. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Whether the process runs (stalled counts as running). */
  get isRunning(): boolean {
    return this.#process.exit === null;
  }

  /** The program's log since its last start. */
  get log(): string {
    return this.#process.stderr + this.#process.stdout;
  }

  /** Ends the process with a signal, SIGKILL unless told; returns when it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#process.end(signal);
  }

  /** Stops the process without closing anything (SIGSTOP): the kernel goes on accepting and acknowledging bytes. */
  stall(): void {
    this.#process.signal('SIGSTOP');
  }

  /** Ends {@link Service.stall}. */
  resume(): void {
    this.#process.signal('SIGCONT');
  }

  /** Starts the program again on the same port, after ending it if it still runs. */
  async restart(): Promise<void> {
    await this.#process.end(this.#definition.stopSignal);
    this.#process = await waitFor(
      () => launch(this.#definition, this.port),
      RESTART_LIMIT_MS,
      `${this.#definition.program} to get its port ${this.port} back`,
    );
  }

  /** Ends the process and removes its files. Idempotent. */
  async stop(): Promise<void> {
    await this.#process.end(this.#definition.stopSignal);
    await this.#definition.cleanUp();
  }
}

/** @returns null when the port is taken */
async function launch(definition: ServiceDefinition, port: number): Promise<ManagedProcess | null> {
  const args = await definition.arguments(port);
  const { program, environment, startLimitMs, user } = definition;
  const run = new ManagedProcess({ path: program, args, user, ...(environment && { env: environment }) });
  try {
    await run.untilOutput(definition.readyLine, startLimitMs);
    await definition.probe(port);
    return run;
  } catch (error) {
    await run.end('SIGKILL');
    if (PORT_TAKEN.test(run.stderr + run.stdout)) return null;
    throw error;
  }
}
