/**
 * Real Redis servers for tests: a single one, one watched by a sentinel, and a cluster of three. Nothing is kept on
 * disk. Knows nothing of the gateway.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type CertificateFiles, makeCertificates } from './certificates.ts';
import { freePort, LOOPBACK } from './free-port.ts';
import { PROGRAMS, requireProgram } from './processes.ts';
import { Service, type ServiceDefinition } from './service.ts';
import { waitFor } from './wait-for.ts';

const CLUSTER_LIMIT_MS = 15_000;
/** Slots of a cluster, and how three nodes share them. */
const SLOT_RANGES = [
  [0, 5_460],
  [5_461, 10_922],
  [10_923, 16_383],
] as const;

/** A running Redis. */
export interface RedisServer extends Service {
  /** Runs one command as the administrator. */
  command(name: string, ...values: (string | Buffer | number)[]): Promise<unknown>;
}

/** Options of {@link startRedis}. */
export interface RedisServerOptions {
  /** Everybody has to give it. */
  readonly password?: string;
  /** More lines of configuration. */
  readonly configuration?: readonly string[];
}

/**
 * Starts Redis on a free loopback port.
 * @throws {Error} one line with the command that installs it, when it is missing
 */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'nmg-redis-'));
  const { password } = options;
  const lines = (port: number): string[] => [
    `port ${port}`,
    `bind ${LOOPBACK}`,
    `dir ${folder}`,
    'save ""',
    ...(password === undefined ? [] : [`requirepass ${password}`]),
    ...(options.configuration ?? []),
  ];
  const service = await startService(folder, lines, /Ready to accept connections/, password);
  return Object.assign(service, {
    command: (name: string, ...values: (string | Buffer | number)[]) =>
      runCommand(service.port, password, name, values),
  });
}

/** A Redis whose second port speaks TLS and asks for a client certificate. */
export async function startTlsRedis(
  options: Pick<RedisServerOptions, 'password'> = {},
): Promise<RedisServer & { readonly tlsPort: number; readonly certificates: CertificateFiles }> {
  const folder = await mkdtemp(join(tmpdir(), 'nmg-redis-tls-'));
  const certificates = await makeCertificates(folder, 'gateway');
  const tlsPort = await freePort();
  const configuration = [
    `tls-port ${tlsPort}`,
    `tls-ca-cert-file ${certificates.ca}`,
    `tls-cert-file ${certificates.cert}`,
    `tls-key-file ${certificates.key}`,
    'tls-auth-clients yes',
  ];
  const server = await startRedis({ ...options, configuration });
  const stop = server.stop.bind(server);
  return Object.assign(server, {
    tlsPort,
    certificates,
    stop: async () => {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  });
}

/** A sentinel that knows `master` by the name `mqtt`. */
export async function startSentinel(master: RedisServer, password: string): Promise<Service> {
  const folder = await mkdtemp(join(tmpdir(), 'nmg-sentinel-'));
  const lines = (port: number): string[] => [
    `port ${port}`,
    `bind ${LOOPBACK}`,
    `dir ${folder}`,
    `sentinel monitor mqtt ${LOOPBACK} ${master.port} 1`,
    `sentinel auth-pass mqtt ${password}`,
  ];
  return await startService(folder, lines, /\+monitor master/, undefined, ['--sentinel']);
}

/** Starts three nodes and waits until they form a cluster. */
export async function startRedisCluster(): Promise<RedisServer[]> {
  const busPorts = await Promise.all(SLOT_RANGES.map(() => freePort()));
  const nodes = await Promise.all(
    busPorts.map((port) => startRedis({ configuration: ['cluster-enabled yes', `cluster-port ${port}`] })),
  );
  const [first] = nodes;
  if (first === undefined) throw new Error('a cluster has at least one node');
  for (const [index, node] of nodes.entries()) {
    await node.command('cluster', 'addslotsrange', ...(SLOT_RANGES[index] ?? []));
    if (node !== first) await first.command('cluster', 'meet', LOOPBACK, node.port, busPorts[index] ?? 0);
  }
  for (const node of nodes) {
    await waitFor(
      async () => String(await node.command('cluster', 'info')).includes('cluster_state:ok'),
      CLUSTER_LIMIT_MS,
      'the cluster',
    );
  }
  return nodes;
}

async function startService(
  folder: string,
  lines: (port: number) => string[],
  readyLine: RegExp,
  password: string | undefined,
  moreArguments: readonly string[] = [],
): Promise<Service> {
  const definition: ServiceDefinition = {
    program: requireProgram(PROGRAMS.redis),
    readyLine,
    async arguments(port) {
      const file = join(folder, 'redis.conf');
      await writeFile(file, `${lines(port).join('\n')}\n`);
      return [file, ...moreArguments];
    },
    probe: async (port) => {
      await runCommand(port, password, 'ping', []);
    },
    cleanUp: () => rm(folder, { recursive: true, force: true }),
  };
  try {
    return await Service.start(definition);
  } catch (error) {
    await definition.cleanUp();
    throw error;
  }
}

async function runCommand(
  port: number,
  password: string | undefined,
  name: string,
  values: readonly (string | Buffer | number)[],
): Promise<unknown> {
  const client = new Redis({
    host: LOOPBACK,
    port,
    ...(password !== undefined && { password }),
    retryStrategy: null,
    enableReadyCheck: false,
  });
  try {
    return await client.call(name, ...values);
  } finally {
    client.disconnect();
  }
}
