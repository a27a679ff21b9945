/**
 * Words for the most common way to fail at the start: an address that is taken. Pure: error and command line in,
 * text out.
 */
import type { GatewayError } from '../errors.ts';

/** How the program was started, for messages that tell what to type. */
export interface Launch {
  /** `process.argv`. */
  readonly argv: readonly string[];
  /** `npm_lifecycle_event`, which npm sets. */
  readonly npmScript: string | undefined;
}

/**
 * What to say when an address cannot be listened on: which setting, and a command that helps.
 * @param portKey the setting that `-p` changes, if any
 */
export function listenFailure(error: GatewayError, launch: Launch, portKey: string | undefined): string {
  const key = typeof error.context.key === 'string' ? error.context.key : 'listeners';
  const address = typeof error.context.address === 'string' ? error.context.address : undefined;
  const where = `${address === undefined ? '' : ` on ${address}`}: ${reason(error)}`;
  if (key === 'upstream.embedded_bind') {
    const target = (address ?? '127.0.0.1:1883').replace(/^0\.0\.0\.0:/, '127.0.0.1:');
    return [
      `cannot start the embedded MQTT broker${where}.`,
      'Perhaps a broker such as Mosquitto runs there already. To use it:',
      `    ${commandWith(launch, ['--upstream', `mqtt://${target}`])}`,
      `Or let the embedded broker listen elsewhere (${key}):`,
      `    ${commandWith(launch, ['--set', `${key}=127.0.0.1:1884`])}`,
    ].join('\n');
  }
  const isHostWrong = ['EADDRNOTAVAIL', 'ENOTFOUND'].includes(systemCode(error) ?? '');
  if (key === 'http.bind') {
    const other = isHostWrong ? ['--set', `${key}=127.0.0.1:8222`] : ['-m', '8333'];
    return [
      `cannot start the HTTP server for monitoring and administration${where}.`,
      `Choose another address with ${key} in the configuration ("off": no HTTP server) or another port with the flag -m, for instance:`,
      `    ${commandWith(launch, other)}`,
    ].join('\n');
  }
  const isPortFlag = key === portKey;
  const flag = isHostWrong ? ['-a', '127.0.0.1'] : ['-p', '4333'];
  return [
    `cannot listen for NATS clients${where}.`,
    `Choose another address with ${key} in the configuration${isPortFlag ? ` or the flag ${flag[0]}` : ''}, for instance:`,
    `    ${commandWith(launch, isPortFlag ? flag : ['--set', `${key}=127.0.0.1:4333`])}`,
  ].join('\n');
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken by another program',
  EACCES: 'permission denied (ports below 1024 need privileges)',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such host',
};

function reason(error: GatewayError): string {
  return REASONS[systemCode(error) ?? ''] ?? error.message;
}

/** The code of the system call that failed: errors of the parts wrap each other. */
function systemCode(error: GatewayError): string | undefined {
  if (typeof error.context.code === 'string') return error.context.code;
  let cause: unknown = error;
  while (cause instanceof Error) {
    if ('syscall' in cause && 'code' in cause) return String(cause.code);
    cause = cause.cause;
  }
  return undefined;
}

/** The command that was typed, with more flags; whoever keeps the log must not learn passwords from it. */
function commandWith({ argv, npmScript }: Launch, flags: readonly string[]): string {
  const [, script = '', ...args] = argv;
  const typed = [...args.map(withoutSecret), ...flags].map(quoteForShell).join(' ');
  if (npmScript === 'start') return `npm start -- ${typed}`;
  return /\.[cm]?[jt]s$/.test(script)
    ? `node ${quoteForShell(script)} ${typed}`
    : `nats-mqtt-gateway ${typed}`;
}

/** Settings that are secrets, or lists that hold some. */
const SECRET = /((?:password|passphrase|secret|token|users|authentication)[\w.[\]]*=).*/s;

function withoutSecret(word: string): string {
  return word.replace(SECRET, '$1********').replace(/(:\/\/[^?]*\?).*/s, '$1********');
}

function quoteForShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
