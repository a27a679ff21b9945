/**
 * The `serve` subcommand: runs the gateway until a signal ends it. Owns the process: signals, exit code, PID file,
 * last words. Knows of the gateway only what {@link RunnableGateway} says.
 */
import type { EventEmitter } from 'node:events';
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import { GatewayError } from '../errors.ts';
import type { GatewayView } from '../metrics/gateway-view.ts';
import type { Clock, TimerHandle } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { EXIT } from './exit-codes.ts';

/** A gateway as the process sees it: one process or several. */
export interface RunnableGateway extends GatewayView {
  /** @throws {GatewayError} `GW_LISTEN` when an address is taken */
  start(): Promise<void>;
  /** @throws {GatewayError} `GW_CONFIG`; nothing has changed then */
  reload(config: Config): Promise<void>;
  /** Idempotent and bounded in time. */
  stop(options: { readonly drain: boolean }): Promise<void>;
  addresses(): readonly {
    readonly name: string;
    readonly type: string;
    readonly host: string;
    readonly port: number;
  }[];
  /** Settles when it cannot go on; it has stopped then. Left out: that does not happen. */
  readonly failure?: Promise<GatewayError>;
}

/** Input of {@link serve}. */
export interface ServeOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly createGateway: (config: Config, options: { readonly logger: Logger }) => RunnableGateway;
  /** Reads the configuration again, for SIGHUP. @throws {GatewayError} `GW_CONFIG` */
  readonly loadConfig: () => Config;
  readonly pidFile: string | undefined;
  readonly clock: Clock;
  /** Signals and last errors: `process`; a test brings its own. */
  readonly events: EventEmitter;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

/** A stop that takes this much longer than it may is given up. */
const STOP_MARGIN_MS = 5000;

/** npm, and supervisors that signal a whole process group, deliver one Ctrl-C twice. */
const REPEAT_MS = 300;

/**
 * Runs the gateway.
 * @returns the exit code, after SIGINT or SIGTERM and a completed stop
 * @throws {GatewayError} `GW_LISTEN` from the start, `GW_CONFIG` when the PID file cannot be written, and whatever the
 *   gateway fails with later
 */
export async function serve(options: ServeOptions): Promise<number> {
  const { config, logger, events, pidFile } = options;
  const gateway = options.createGateway(config, { logger });
  const uncaught = (error: unknown) => {
    logger.fatal({ event: 'process.uncaught', err: error }, 'a bug ended the process');
    removePidFile(pidFile);
    options.exit(EXIT.failure);
  };
  const signals = new SignalWait(options);
  const reloads = new Reloads(gateway, options);
  events.on('uncaughtException', uncaught);
  events.on('unhandledRejection', uncaught);
  try {
    const early = await Promise.race([gateway.start().then(() => null), signals.first]);
    if (early === null) await announce(gateway, options);
    const signal = early ?? (await Promise.race([signals.first, failureOf(gateway)]));
    return await stopOn(signal, gateway, options);
  } finally {
    signals.release();
    reloads.release();
    events.off('uncaughtException', uncaught);
    events.off('unhandledRejection', uncaught);
    removePidFile(pidFile);
  }
}

/** Rejects when the gateway cannot go on. */
async function failureOf({ failure }: RunnableGateway): Promise<never> {
  const error = await (failure ?? new Promise<never>(() => {}));
  throw error;
}

async function announce(gateway: RunnableGateway, { logger, pidFile }: ServeOptions): Promise<void> {
  try {
    // Not earlier: an instance that fails to start must not replace the file of the one that runs.
    if (pidFile !== undefined) writePidFile(pidFile);
  } catch (error) {
    await gateway.stop({ drain: false });
    throw error;
  }
  const addresses = gateway.addresses().map(describe);
  const message = `NATS clients connect to ${addresses.join(', ')}`;
  logger.info({ event: 'process.ready', addresses }, message);
}

/** Takes a changed configuration over on SIGHUP; what is wrong leaves everything as it is. */
class Reloads {
  readonly #gateway: RunnableGateway;
  readonly #options: ServeOptions;
  readonly #onSignal = (): void => this.#request();
  #isRunning = false;
  #isWanted = false;

  constructor(gateway: RunnableGateway, options: ServeOptions) {
    this.#gateway = gateway;
    this.#options = options;
    options.events.on('SIGHUP', this.#onSignal);
  }

  release(): void {
    this.#options.events.off('SIGHUP', this.#onSignal);
  }

  #request(): void {
    this.#isWanted = true;
    // Not awaited: it reports its own failure.
    if (!this.#isRunning) void this.#run();
  }

  /** One after the other; signals that come meanwhile are one more. */
  async #run(): Promise<void> {
    const { logger, loadConfig } = this.#options;
    this.#isRunning = true;
    while (this.#isWanted) {
      this.#isWanted = false;
      try {
        await this.#gateway.reload(loadConfig());
      } catch (error) {
        const reason = error instanceof GatewayError ? error.message : error;
        logger.error(
          { event: 'config.reload_failed', reason },
          'the configuration was not taken over: the old one holds',
        );
      }
    }
    this.#isRunning = false;
  }
}

type StopSignal = 'SIGINT' | 'SIGTERM';

/** Waits for the first signal; the second one ends the process without further ado. */
class SignalWait {
  readonly first: Promise<StopSignal>;
  readonly #events: EventEmitter;
  readonly #handlers: readonly (readonly [StopSignal, () => void])[];

  constructor({ events, exit, logger, pidFile, clock }: ServeOptions) {
    let resolveFirst: (signal: StopSignal) => void = () => {};
    this.first = new Promise((resolve) => {
      resolveFirst = resolve;
    });
    let last: { readonly signal: StopSignal; readonly atMs: number } | undefined;
    const onSignal = (signal: StopSignal) => () => {
      const before = last;
      last = { signal, atMs: clock.now() };
      if (before === undefined) return resolveFirst(signal);
      if (before.signal === signal && last.atMs - before.atMs < REPEAT_MS) return;
      logger.warn({ event: 'process.aborted', signal }, `${signal}: not waiting any longer`);
      removePidFile(pidFile);
      exit(EXIT.ok);
    };
    this.#events = events;
    this.#handlers = (['SIGINT', 'SIGTERM'] as const).map((signal) => [signal, onSignal(signal)] as const);
    for (const [signal, handler] of this.#handlers) events.on(signal, handler);
  }

  release(): void {
    for (const [signal, handler] of this.#handlers) this.#events.off(signal, handler);
  }
}

async function stopOn(signal: StopSignal, gateway: RunnableGateway, options: ServeOptions): Promise<number> {
  const { config, logger, clock } = options;
  const drain = signal === 'SIGTERM';
  logger.info({ event: 'process.signal', signal }, drain ? `${signal}: draining` : `${signal}: stopping`);
  const limitMs = (drain ? config.shutdownTimeoutMs : 0) + STOP_MARGIN_MS;
  let timer: TimerHandle | undefined;
  const tooLate = new Promise<'late'>((resolve) => {
    timer = clock.setTimeout(() => resolve('late'), limitMs);
  });
  try {
    if ((await Promise.race([gateway.stop({ drain }), tooLate])) !== 'late') {
      await logTotals(gateway, logger);
      return EXIT.ok;
    }
  } finally {
    clock.clearTimeout(timer);
  }
  logger.error({ event: 'process.stop_timeout', limitMs }, 'stopping took too long and was given up');
  return EXIT.failure;
}

/** What the gateway has done in its life. */
async function logTotals(gateway: RunnableGateway, logger: Logger): Promise<void> {
  if (!logger.isLevelEnabled('debug')) return;
  const { counters, restarts } = await gateway.overview();
  logger.debug({ event: 'process.totals', restarts, ...counters }, 'all that was counted');
}

function writePidFile(file: string): void {
  try {
    writeFileSync(file, `${process.pid}\n`);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new GatewayError('GW_CONFIG', `cannot write the PID file ${file} (${code})`, { cause });
  }
}

/** Only our own: another instance may have replaced it meanwhile. */
function removePidFile(file: string | undefined): void {
  if (file === undefined) return;
  try {
    if (readFileSync(file, 'utf8').trim() === String(process.pid)) unlinkSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      process.stderr.write(`cannot remove ${file}: ${error}\n`);
  }
}

function describe({ type, host, port }: ReturnType<RunnableGateway['addresses']>[number]): string {
  return `${type === 'tcp' ? 'nats' : type}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
