/**
 * Runs one script against a real nats-server and against the gateway, and compares what both say with what stands in
 * the test. Knows nothing of the single rows of the checklist.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type GatewaySettings, type RunningGateway, startGateway } from '../../support/gateway.ts';
import { type Mosquitto, type MosquittoOptions, startMosquitto } from '../../support/mosquitto.ts';
import { type NatsServer, type NatsServerOptions, startNatsServer } from '../../support/nats-server.ts';
import { connectRaw, type RawClient } from '../../support/raw-client.ts';
import { EOF, normalised, operations, RESET } from './transcript.ts';

/** What most rows connect with: one answer per question. */
export const QUIET = { verbose: false, pedantic: false };
/** A client with headers that wants to hear of nobody listening. */
export const REQUESTER = { ...QUIET, headers: true, no_responders: true };

/** CONNECT as a JSON object, as literal text (for what no library would send), or left out (null). */
export type Connect = Readonly<Record<string, unknown>> | string | null;

/** A server that scripts run against. */
export interface Target {
  readonly kind: 'nats-server' | 'gateway';
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly wsUrl: string;
}

/** Options of {@link startPair}. */
export interface PairOptions {
  readonly mosquitto?: MosquittoOptions;
  readonly gateway?: GatewaySettings;
  readonly natsServer?: NatsServerOptions;
}

/** nats-server, and the gateway with a Mosquitto behind it. */
export interface Pair {
  readonly natsServer: NatsServer;
  readonly gateway: RunningGateway;
  readonly broker: Mosquitto;
  readonly targets: readonly [Target, Target];
  stop(): Promise<void>;
}

/** Starts both sides, each on free ports. */
export async function startPair(options: PairOptions = {}): Promise<Pair> {
  const [broker, natsServer] = await Promise.all([
    startMosquitto(options.mosquitto),
    startNatsServer(options.natsServer),
  ]);
  const upstream = { url: broker.url, ...(options.gateway?.upstream as object | undefined) };
  let gateway: RunningGateway;
  try {
    gateway = await startGateway({ ...options.gateway, upstream });
  } catch (error) {
    await Promise.all([broker.stop(), natsServer.stop()]);
    throw error;
  }
  return {
    natsServer,
    gateway,
    broker,
    targets: [targetOf('nats-server', natsServer), targetOf('gateway', gateway)],
    stop: async () => {
      await gateway.stop();
      await Promise.all([broker.stop(), natsServer.stop()]);
    },
  };
}

function targetOf(kind: Target['kind'], server: NatsServer | RunningGateway): Target {
  const { host, port, url, wsUrl } = server;
  return { kind, host, port, url, wsUrl };
}

/** A raw client whose answers come as operations, normalised. */
export class ScriptClient {
  readonly raw: RawClient;

  constructor(raw: RawClient) {
    this.raw = raw;
  }

  send(data: string | Buffer): void {
    this.raw.send(data);
  }

  /**
   * Sends PING and takes in everything up to its PONG, which is left out.
   * @param pongs how many PONGs are owed to PINGs sent before
   */
  async sync(pongs = 0): Promise<string[]> {
    this.raw.send('PING\r\n');
    const parts: Buffer[] = [];
    for (let left = pongs + 1; left > 0; left--) parts.push(await this.raw.readUntil('PONG\r\n', LIMIT_MS));
    return normalised(operations(Buffer.concat(parts)).slice(0, -1));
  }

  /** Everything up to the end of the connection, whose kind comes last. */
  async ended(limitMs = LIMIT_MS): Promise<string[]> {
    const end = await this.raw.closed(limitMs);
    return normalised([...operations(end.leftover), end.how === 'eof' ? EOF : RESET]);
  }
}

const LIMIT_MS = 10_000;

/** What a script can do with one server; every client is closed when it ends. */
export class Stage {
  readonly target: Target;
  readonly #clients: RawClient[] = [];

  constructor(target: Target) {
    this.target = target;
  }

  /** Connects; CONNECT is sent with the first script bytes or at once, no answer is awaited. */
  async open(connect: Connect = QUIET): Promise<ScriptClient> {
    const raw = await connectRaw(this.target.host, this.target.port);
    this.#clients.push(raw);
    if (connect !== null) raw.send(connectLine(connect));
    return new ScriptClient(raw);
  }

  /** Has a client of the script's own closed with the others. */
  adopt(raw: RawClient): ScriptClient {
    this.#clients.push(raw);
    return new ScriptClient(raw);
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }
}

/** The line that a {@link Connect} stands for. */
export function connectLine(connect: Exclude<Connect, null>): string {
  return typeof connect === 'string' ? connect : `CONNECT ${JSON.stringify(connect)}\r\n`;
}

/** A script: anything it returns is compared. */
export type Script<T> = (stage: Stage) => Promise<T>;

/** Runs a script against one server. */
export async function runOn<T>(target: Target, script: Script<T>): Promise<T> {
  const stage = new Stage(target);
  try {
    return await script(stage);
  } catch (error) {
    if (error instanceof Error) error.message = `${target.kind}: ${error.message}`;
    throw error;
  } finally {
    await stage.close();
  }
}

/** Runs a script against both servers at the same time; both must return what is expected. */
export async function runOnBoth<T>(pair: Pair, script: Script<T>, expected: T): Promise<void> {
  const results = await Promise.allSettled(pair.targets.map((target) => runOn(target, script)));
  for (const [index, result] of results.entries()) {
    if (result.status === 'rejected') throw result.reason;
    assert.deepEqual(result.value, expected, `${pair.targets[index]?.kind} answered otherwise`);
  }
}

/** A row that is one client, one burst of bytes and the answer to it. */
export interface Row {
  /** `checklist <number>: …` */
  readonly name: string;
  readonly connect?: Connect;
  /** Sent in one write together with CONNECT. */
  readonly send: string | Buffer;
  /** The operations that come back; {@link EOF} last where the server closes, else the connection has to live. */
  readonly expect: readonly string[];
  /** The order between these operations is nobody's promise. */
  readonly isUnordered?: boolean;
}

/** Makes a test of every row. */
export function testRows(pairOf: () => Pair, rows: readonly Row[]): void {
  for (const row of rows) {
    test(row.name, async () => {
      await runOnBoth(pairOf(), rowScript(row), row.isUnordered ? row.expect.toSorted() : [...row.expect]);
    });
  }
}

function rowScript(row: Row): Script<string[]> {
  return async (stage) => {
    const client = await stage.open(null);
    const { connect = QUIET } = row;
    const start = connect === null ? '' : connectLine(connect);
    const isEnd = row.expect.at(-1) === EOF;
    client.send(Buffer.concat([Buffer.from(start), Buffer.from(row.send)]));
    if (isEnd) return endedAs(stage.target, await client.ended());
    const answer = await client.sync(row.expect.filter((operation) => operation === 'PONG').length);
    // Nothing may come after the answer either.
    client.raw.halfClose();
    const rest = (await client.ended()).filter((operation) => operation !== EOF && operation !== RESET);
    const all = [...answer, ...rest];
    return row.isUnordered ? all.toSorted() : all;
  };
}

/** nats-server may close with input unread, which the kernel turns into RST; the gateway must not. */
function endedAs(target: Target, transcript: string[]): string[] {
  if (target.kind === 'gateway') return transcript;
  return transcript.map((operation) => (operation === RESET ? EOF : operation));
}
