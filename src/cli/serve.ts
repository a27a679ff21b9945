/**
 * The `serve` subcommand: runs the gateway until a signal ends it. Owns the process: signals, exit code, PID file,
 * last words. Knows of the gateway only what {@link RunnableGateway} says.
 */
import type { EventEmitter } from 'node:events';
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import type { Config } from '../config/config.ts';
import type { ConfigReloads, ReloadResult } from '../control/gateway-control.ts';
import { GatewayError } from '../errors.ts';
import type { GatewayView } from '../metrics/gateway-view.ts';
import type { Clock, TimerHandle } from '../util/clock.ts';
import type { Logger } from '../util/logger.ts';
import { ConfigReloader } from './config-reloader.ts';
import { EXIT } from './exit-codes.ts';

/** A gateway as the process sees it: one process or several. */
export interface RunnableGateway extends GatewayView {
  /** @throws {GatewayError} `GW_LISTEN` when an address is taken */
  start(): Promise<void>;
  /** In force. */
  readonly config: Config;
  /** @throws {GatewayError} `GW_CONFIG`; nothing has changed then */
  reload(config: Config): Promise<ReloadResult>;
  /** Sends clients elsewhere, and ends them one by one. Idempotent. */
  beginLameDuck(): Promise<void>;
  readonly isLameDuck: boolean;
  /** Settles when a lame duck has no clients any more. */
  readonly retired: Promise<void>;
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

/** What the HTTP server gets besides the gateway. */
export interface AdminParts {
  readonly reloads: ConfigReloads;
  readonly logger: Logger;
}

/** The HTTP server. */
export interface RunningAdmin {
  /** Idempotent and bounded in time. */
  close(): Promise<void>;
}

/** Input of {@link serve}. */
export interface ServeOptions<G extends RunnableGateway = RunnableGateway> {
  readonly config: Config;
  readonly logger: Logger;
  readonly createGateway: (config: Config, options: { readonly logger: Logger }) => G;
  /** Reads the configuration again, for SIGHUP. @throws {GatewayError} `GW_CONFIG` */
  readonly loadConfig: () => Config;
  /** Opens the log file again, on SIGHUP: somebody may have moved it. */
  readonly reopenLog: () => void;
  /** Starts the HTTP server. @throws {GatewayError} `GW_LISTEN` when its address is taken, `GW_CONFIG` */
  readonly startAdmin: (gateway: G, parts: AdminParts) => Promise<RunningAdmin>;
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
export async function serve<G extends RunnableGateway>(options: ServeOptions<G>): Promise<number> {
  const { config, logger, events, pidFile } = options;
  const gateway = options.createGateway(config, { logger });
  const uncaught = (error: unknown) => {
    logger.fatal({ event: 'process.uncaught', err: error }, 'a bug ended the process');
    removePidFile(pidFile);
    options.exit(EXIT.failure);
  };
  const signals = new SignalWait(gateway, options);
  const reloads = new ConfigReloader(gateway, options);
  const onReload = (): void => {
    options.reopenLog();
    reloads.request();
  };
  const onLameDuck = (): void => signals.beginLameDuck();
  let admin: RunningAdmin | null = null;
  events.on('SIGHUP', onReload);
  events.on('SIGUSR2', onLameDuck);
  events.on('uncaughtException', uncaught);
  events.on('unhandledRejection', uncaught);
  try {
    const early = await Promise.race([gateway.start().then(() => null), signals.first]);
    if (early === null) {
      // Only now: clients come first.
      admin = await startAdmin(gateway, reloads, options);
      await announce(gateway, options);
    }
    const reason = early ?? (await Promise.race([signals.first, gateway.retired, failureOf(gateway)]));
    return await stopOn(reason ?? 'retired', gateway, options);
  } finally {
    // Last, so that it can be seen how far a stop is.
    await admin?.close();
    signals.release();
    events.off('SIGHUP', onReload);
    events.off('SIGUSR2', onLameDuck);
    events.off('uncaughtException', uncaught);
    events.off('unhandledRejection', uncaught);
    removePidFile(pidFile);
  }
}

async function startAdmin<G extends RunnableGateway>(
  gateway: G,
  reloads: ConfigReloads,
  options: ServeOptions<G>,
): Promise<RunningAdmin> {
  try {
    return await options.startAdmin(gateway, { reloads, logger: options.logger });
  } catch (error) {
    await gateway.stop({ drain: false });
    throw error;
  }
}

/** Rejects when the gateway cannot go on. */
async function failureOf({ failure }: RunnableGateway): Promise<never> {
  const error = await (failure ?? new Promise<never>(() => {}));
  throw error;
}

async function announce(
  gateway: RunnableGateway,
  { logger, pidFile }: Pick<ServeOptions, 'logger' | 'pidFile'>,
): Promise<void> {
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

type StopSignal = 'SIGINT' | 'SIGTERM';
/** `retired`: a lame duck has no clients any more. */
type StopReason = StopSignal | 'retired';

/**
 * Waits for the first signal; the second one ends the process without further ado. A lame duck is not hurried by SIGTERM:
 * in Kubernetes it comes as soon as the hook that has sent SIGUSR2 returns, and would cut short what that was for.
 */
class SignalWait {
  readonly first: Promise<StopSignal>;
  readonly #events: EventEmitter;
  readonly #logger: Logger;
  readonly #gateway: RunnableGateway;
  #isStopping = false;
  readonly #handlers: readonly (readonly [StopSignal, () => void])[];

  constructor(
    gateway: RunnableGateway,
    {
      events,
      exit,
      logger,
      pidFile,
      clock,
    }: Pick<ServeOptions, 'events' | 'exit' | 'logger' | 'pidFile' | 'clock'>,
  ) {
    let resolveFirst: (signal: StopSignal) => void = () => {};
    this.first = new Promise((resolve) => {
      resolveFirst = resolve;
    });
    let last: { readonly signal: StopSignal; readonly atMs: number } | undefined;
    const onSignal = (signal: StopSignal) => () => {
      if (signal === 'SIGTERM' && gateway.isLameDuck && !this.#isStopping) {
        const words = 'SIGTERM: ignored, this is a lame duck; SIGINT stops it at once';
        return logger.warn({ event: 'process.signal_ignored', signal }, words);
      }
      const before = last;
      last = { signal, atMs: clock.now() };
      this.#isStopping = true;
      if (before === undefined) return resolveFirst(signal);
      if (before.signal === signal && last.atMs - before.atMs < REPEAT_MS) return;
      logger.warn({ event: 'process.aborted', signal }, `${signal}: not waiting any longer`);
      removePidFile(pidFile);
      exit(EXIT.ok);
    };
    this.#events = events;
    this.#logger = logger;
    this.#gateway = gateway;
    this.#handlers = (['SIGINT', 'SIGTERM'] as const).map((signal) => [signal, onSignal(signal)] as const);
    for (const [signal, handler] of this.#handlers) events.on(signal, handler);
  }

  /** Does nothing once the process is stopping. */
  beginLameDuck(): void {
    if (this.#gateway.isLameDuck || this.#isStopping) return;
    this.#logger.info({ event: 'process.signal', signal: 'SIGUSR2' }, 'SIGUSR2: lame duck');
    // It cannot fail.
    void this.#gateway.beginLameDuck();
  }

  release(): void {
    for (const [signal, handler] of this.#handlers) this.#events.off(signal, handler);
  }
}

const STOP_WORDS: Readonly<Record<StopReason, string>> = {
  SIGINT: 'SIGINT: stopping',
  SIGTERM: 'SIGTERM: draining',
  retired: 'The lame duck has no clients any more: stopping',
};

async function stopOn(
  reason: StopReason,
  gateway: RunnableGateway,
  { logger, clock }: Pick<ServeOptions, 'logger' | 'clock'>,
): Promise<number> {
  const drain = reason !== 'SIGINT';
  const fields =
    reason === 'retired' ? { event: 'process.retired' } : { event: 'process.signal', signal: reason };
  logger.info(fields, STOP_WORDS[reason]);
  const limitMs = (drain ? gateway.config.shutdownTimeoutMs : 0) + STOP_MARGIN_MS;
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
