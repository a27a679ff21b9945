/**
 * Log lines with stable `event` names, secrets blanked out. The only file that knows the log library, which is
 * loaded when the first real logger is made. Knows nothing of what is logged.
 */
import { closeSync, openSync } from 'node:fs';
import type { DestinationStream, Logger as PinoLogger, pino } from 'pino';
import type { Clock } from './clock.ts';

/** From most to least talkative. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** `auto`: `pretty` when the output is a terminal, else `json`. */
export type LogFormat = 'auto' | 'json' | 'pretty';

/**
 * What a log line says besides its message. `event` is a stable name such as `client.connected`; an error goes
 * under `err`. Never raw client input: names, sizes and limits only.
 */
export interface LogFields {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** What the program logs with. */
export interface Logger {
  trace(fields: LogFields, message: string): void;
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  fatal(fields: LogFields, message: string): void;
  /** A logger whose lines all carry `bindings`, for instance `component` or `cid`. */
  child(bindings: Readonly<Record<string, unknown>>): Logger;
  /** Whether lines of this level are written; ask before building costly fields. */
  isLevelEnabled(level: LogLevel): boolean;
  /** Writes lines of this level and more severe ones from now on, children included. Left out: it cannot be changed. */
  setLevel?(level: LogLevel): void;
}

/** Settings of {@link createLogger}. */
export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** File that lines are appended to, in place of standard output; left out or null: none. */
  readonly file?: string | null;
  /** Where lines go in place of both, for tests. */
  readonly destination?: NodeJS.WritableStream;
}

/** Field names whose values never appear in a log, in any letter case and at any depth. */
const SECRET_FIELDS = new Set([
  'pass',
  'password',
  'passwd',
  'auth_token',
  'authtoken',
  'token',
  'jwt',
  'sig',
  'seed',
  'nkey',
  'secret',
  'authorization',
  'cookie',
]);

const REDACTED = '[redacted]';
/** Deeper structures have no place in a log line, and a cycle must end somewhere. */
const MAX_DEPTH = 6;

/** Where a program's log goes: its own lines, and those of processes that it has started. */
export interface LogOutput {
  readonly logger: Logger;
  /** Writes JSON lines of another process's logger as they are, or pretty. @param lines each with its line end */
  passOn(lines: string): void;
  /** Opens the file again, which somebody may have moved. */
  reopen(): void;
}

/** Makes a logger. Loads the log library, so the first call costs some tens of milliseconds. */
export async function createLogger(options: LoggerOptions): Promise<Logger> {
  return (await createLogOutput(options)).logger;
}

/** Makes a logger whose output takes other lines too. */
export async function createLogOutput(options: LoggerOptions): Promise<LogOutput> {
  const { pino } = await import('pino');
  const settings = {
    // Which lines are written is decided here: the library's own loggers forget their parent.
    level: 'trace',
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    // Errors arrive described already; the library would describe the description.
    serializers: { err: (described: unknown) => described },
  };
  const file = openFile(pino, options.file ?? null);
  const destination = options.destination ?? file;
  // Written synchronously, so that the line that explains a crash is not lost with the process.
  const output =
    (await prettyStream(options.format, destination)) ??
    destination ??
    pino.destination({ dest: 1, sync: true });
  return {
    logger: new RedactingLogger(pino(settings, output), { level: LOG_LEVELS.indexOf(options.level) }),
    passOn: (lines) => {
      output.write(lines);
    },
    reopen: () => {
      // The library throws where the file cannot be opened, and would close the old one twice later.
      if (file !== null && isWritable(options.file ?? '')) file.reopen();
    },
  };
}

/**
 * @returns null when there is no file
 * @throws {Error} of the system when it cannot be opened
 */
function openFile({ destination }: typeof pino, file: string | null): ReturnType<typeof destination> | null {
  if (file === null) return null;
  const opened = destination({ dest: file, append: true, sync: true });
  // The disk is full, for instance: there is no better place left.
  opened.on('error', (error: Error) =>
    process.stderr.write(`cannot write to the log file ${file}: ${error.message}\n`),
  );
  return opened;
}

/** Lines go on into the old file where it is not; that cannot be said in there alone. */
function isWritable(file: string): boolean {
  try {
    closeSync(openSync(file, 'a'));
    return true;
  } catch (error) {
    process.stderr.write(`cannot open the log file ${file} again: ${(error as Error).message}\n`);
    return false;
  }
}

/** Null when lines are to be written as they are. */
async function prettyStream(
  format: LogFormat,
  destination: DestinationStream | null,
): Promise<NodeJS.WritableStream | null> {
  // Not asked for JSON: the question alone would make standard output a stream of Node.js, which never blocks.
  if (format === 'json') return null;
  const isTerminal = destination === null && process.stdout.isTTY === true;
  if (format === 'auto' && !isTerminal) return null;
  const { build } = await import('pino-pretty');
  return build({
    colorize: isTerminal,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    ignore: 'component,event',
    sync: true,
    ...(destination !== null && { destination }),
  });
}

/** Puts the redaction in front of the library: its own does not reach child bindings or error properties. */
class RedactingLogger implements Logger {
  readonly #target: PinoLogger;
  /** Shared with all children; position in {@link LOG_LEVELS}. */
  readonly #threshold: { level: number };

  constructor(target: PinoLogger, threshold: { level: number }) {
    this.#target = target;
    this.#threshold = threshold;
  }

  trace(fields: LogFields, message: string): void {
    this.#write('trace', fields, message);
  }

  debug(fields: LogFields, message: string): void {
    this.#write('debug', fields, message);
  }

  info(fields: LogFields, message: string): void {
    this.#write('info', fields, message);
  }

  warn(fields: LogFields, message: string): void {
    this.#write('warn', fields, message);
  }

  error(fields: LogFields, message: string): void {
    this.#write('error', fields, message);
  }

  fatal(fields: LogFields, message: string): void {
    this.#write('fatal', fields, message);
  }

  child(bindings: Readonly<Record<string, unknown>>): Logger {
    return new RedactingLogger(this.#target.child(redactRecord(bindings, 0)), this.#threshold);
  }

  isLevelEnabled(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= this.#threshold.level;
  }

  setLevel(level: LogLevel): void {
    this.#threshold.level = LOG_LEVELS.indexOf(level);
  }

  #write(level: LogLevel, fields: LogFields, message: string): void {
    if (this.isLevelEnabled(level)) this.#target[level](redactRecord(fields, 0), message);
  }
}

function redactRecord(fields: Readonly<Record<string, unknown>>, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    copy[name] = SECRET_FIELDS.has(name.toLowerCase()) ? REDACTED : redactValue(value, depth + 1);
  }
  return copy;
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'string') return visible(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) return '[too deep]';
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Error) return describeError(value, depth);
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth + 1));
  return redactRecord(value as Record<string, unknown>, depth);
}

/** Names come from clients and devices: none may forge a line or reach the terminal with a control sequence. */
function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}

function describeError(error: Error, depth: number): Record<string, unknown> {
  // Own properties too: `code`, `context`, `syscall` and the like say more than the text.
  const { stack, ...rest } = redactRecord({ ...error }, depth);
  return {
    type: error.name,
    message: visible(error.message),
    stack: error.stack?.replace(error.message, () => visible(error.message)) ?? stack,
    ...rest,
    ...(error.cause !== undefined && { cause: redactValue(error.cause, depth + 1) }),
  };
}

const drop = (): void => {};

/** Writes nothing. */
export const silentLogger: Logger = {
  trace: drop,
  debug: drop,
  info: drop,
  warn: drop,
  error: drop,
  fatal: drop,
  child: () => silentLogger,
  isLevelEnabled: () => false,
};

interface Window {
  startMs: number;
  suppressed: number;
}

/**
 * Passes one line per event name and interval and counts the rest, so that a flood of bad messages does not become
 * a flood of log lines. The first line after the interval carries the number left out as `suppressed`.
 */
export class RepeatLimiter {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #windows = new Map<string, Window>();

  constructor(logger: Logger, clock: Clock, intervalMs = 1000) {
    this.#logger = logger;
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  /** Logs unless a line with the same `event` was logged less than the interval ago. */
  log(level: LogLevel, fields: LogFields, message: string): void {
    const nowMs = this.#clock.now();
    const window = this.#windows.get(fields.event);
    if (window === undefined) {
      this.#windows.set(fields.event, { startMs: nowMs, suppressed: 0 });
      this.#logger[level](fields, message);
    } else if (nowMs - window.startMs < this.#intervalMs) {
      window.suppressed += 1;
    } else {
      const { suppressed } = window;
      window.startMs = nowMs;
      window.suppressed = 0;
      this.#logger[level](suppressed > 0 ? { ...fields, suppressed } : fields, message);
    }
  }
}
