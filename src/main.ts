#!/usr/bin/env node
import type { Invocation } from './cli/arguments.ts';
/**
 * Process entry: reads the command line, calls the subcommand, sets the exit code. Loads each part only when its
 * subcommand needs it.
 */
import { parseCommandLine } from './cli/arguments.ts';
import { CommandFailure } from './cli/command-failure.ts';
import { EXIT } from './cli/exit-codes.ts';
import { UsageError } from './cli/flags.ts';
import type { AdminParts, RunnableGateway, RunningAdmin, ServeOptions } from './cli/serve.ts';
import type { SettingsSource } from './config/settings-source.ts';
import type { GatewayControl } from './control/gateway-control.ts';
import { GatewayError } from './errors.ts';
import { systemClock } from './util/clock.ts';
import type { LogOutput } from './util/logger.ts';

async function run(args: readonly string[]): Promise<number> {
  const invocation = parseCommandLine(args);
  switch (invocation.command) {
    case 'help':
      return print((await import('./cli/help.ts')).HELP);
    case 'version':
      return print((await import('./cli/version.ts')).versionText());
    case 'check':
      return print(await (await import('./cli/check.ts')).checkText(await settings(invocation)));
    case 'print-config':
      return print((await import('./cli/print-config.ts')).printConfigText(await settings(invocation)));
    case 'map': {
      const { runMap } = await import('./cli/run-map.ts');
      const { output, exitCode } = runMap(invocation, await settings(invocation));
      print(output);
      return exitCode;
    }
    case 'healthcheck': {
      const { healthcheckText } = await import('./cli/healthcheck.ts');
      return print(await healthcheckText((await settings(invocation)).config.http, invocation.isLive));
    }
    case 'signal': {
      const { signalText } = await import('./cli/signal.ts');
      return print(signalText(invocation));
    }
    case 'users': {
      const { usersText } = await import('./cli/users.ts');
      return print(
        await usersText({
          invocation,
          settings: () => settings(invocation),
          readPassword: readTypedPassword,
        }),
      );
    }
    case 'hash-password': {
      const { hashPasswordText } = await import('./cli/hash-password.ts');
      return print(await hashPasswordText(invocation, await readTypedPassword()));
    }
    case 'serve':
      // Whatever a failed start or an aborted stop has left open must not keep the process alive.
      return process.exit(await serve(invocation));
    default:
      return invocation.command satisfies never;
  }
}

async function readTypedPassword(): Promise<string> {
  const { readPassword } = await import('./cli/read-password.ts');
  return readPassword({ stdin: process.stdin, stderr: process.stderr });
}

async function settings(invocation: Invocation) {
  const { loadSettings } = await import('./cli/settings.ts');
  return loadSettings(invocation, process.env);
}

async function serve(invocation: Invocation): Promise<number> {
  const { loadSettings } = await import('./cli/settings.ts');
  const source: SettingsSource = { load: (text) => loadSettings(invocation, process.env, text) };
  const loadConfig = () => source.load().config;
  const config = loadConfig();
  const [factory, { openLog }, serving] = await Promise.all([
    factoryFor(config.workers),
    import('./cli/open-log.ts'),
    import('./cli/serve.ts'),
  ]);
  const output = await openLog(config.log);
  try {
    return await serving.serve({
      config,
      logger: output.logger,
      createGateway: factory(output),
      loadConfig,
      reopenLog: output.reopen,
      startAdmin: (gateway, parts) => startAdmin(gateway, { ...parts, settings: source }),
      pidFile: invocation.pidFile,
      clock: systemClock,
      events: process,
      exit: (code) => process.exit(code),
    });
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'GW_LISTEN') throw error;
    const { listenFailure } = await import('./cli/listen-failure.ts');
    const launch = { argv: process.argv, npmScript: process.env.npm_lifecycle_event };
    const portKey = config.listeners.find(({ type }) => type === 'tcp' || type === 'tls')?.bindKey;
    complain(listenFailure(error, launch, portKey));
    return EXIT.unavailable;
  }
}

/** What one process and many have in common. */
type ControlledGateway = RunnableGateway & GatewayControl;

/** Loaded only where it is wanted: it takes as long as all the rest. */
async function startAdmin(
  gateway: ControlledGateway,
  parts: AdminParts & { readonly settings: SettingsSource },
): Promise<RunningAdmin> {
  if (gateway.config.http.address === null) return { close: () => Promise.resolve() };
  const { AdminServer } = await import('./admin/server.ts');
  const admin = new AdminServer({ control: gateway, ...parts });
  await admin.start();
  return admin;
}

/** Of gateway and cluster only one is loaded: the primary of several processes serves no clients itself. */
async function factoryFor(
  workers: number,
): Promise<(output: LogOutput) => ServeOptions<ControlledGateway>['createGateway']> {
  if (workers > 1) return (await import('./cli/cluster.ts')).createCluster;
  const { createGateway } = await import('./gateway.ts');
  return () => createGateway;
}

function print(text: string): number {
  process.stdout.write(text);
  return EXIT.ok;
}

function complain(text: string): void {
  process.stderr.write(`nats-mqtt-gateway: ${text}\n`);
}

function explain(error: unknown): number {
  if (error instanceof UsageError) {
    complain(`${error.message}\nTry: nats-mqtt-gateway --help`);
    return EXIT.usage;
  }
  if (error instanceof CommandFailure) {
    complain(error.message);
    return EXIT.failure;
  }
  if (error instanceof GatewayError) {
    complain(error.message);
    return error.code === 'GW_CONFIG' ? EXIT.configuration : EXIT.failure;
  }
  complain(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return EXIT.failure;
}

// A reader such as `head` may go away early; there is nobody left to tell.
process.stdout.on('error', () => process.exit());
try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  process.exitCode = explain(error);
}
