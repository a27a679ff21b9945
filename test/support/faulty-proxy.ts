/**
 * A TCP proxy that misbehaves on command, for everything between two healthy programs: slow links, half-open links,
 * resets, cuts. Settings hold for present and future connections until changed. Knows no protocol.
 */
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { LOOPBACK, listenOnFreePort, tryListen } from './free-port.ts';
import { ProxyPipe } from './proxy-pipe.ts';
import { waitFor } from './wait-for.ts';

/** Direction of bytes. */
export type Direction = 'toTarget' | 'toClient';

/** Which directions a command is for. */
export type Directions = Direction | 'both';

/** How {@link FaultyProxy.cutAfter} ends a connection. */
export type Cut = 'cut' | 'reset';

/** What one direction does to bytes; shared by all pipes of that direction. */
export interface LinkState {
  delayMs: number;
  isStalled: boolean;
  /** Infinity: as fast as it goes. */
  bytesPerSecond: number;
  /** Bytes forwarded since the start. */
  bytes: number;
  /** Bytes until the connection that carries the last of them is ended; Infinity: never. */
  bytesUntilCut: number;
  cutBy: Cut;
}

/** Where the proxy connects to. */
export interface ProxyTarget {
  readonly host?: string;
  readonly port: number;
}

const BOTH: readonly Direction[] = ['toTarget', 'toClient'];

const healthyLink = (): LinkState => ({
  delayMs: 0,
  isStalled: false,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  bytes: 0,
  bytesUntilCut: Number.POSITIVE_INFINITY,
  cutBy: 'cut',
});

interface Pair {
  readonly client: Socket;
  readonly target: Socket;
  readonly pipes: Readonly<Record<Direction, ProxyPipe>>;
}

/** The proxy. Start it with {@link FaultyProxy.start}. */
export class FaultyProxy {
  readonly host = LOOPBACK;
  readonly #target: ProxyTarget;
  readonly #server: Server;
  readonly #links: Readonly<Record<Direction, LinkState>> = {
    toTarget: healthyLink(),
    toClient: healthyLink(),
  };
  readonly #pairs = new Set<Pair>();
  #port = 0;
  #connections = 0;

  private constructor(target: ProxyTarget) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#onClient(client));
  }

  /** Starts a proxy on a free loopback port; the target may be down. */
  static async start(target: ProxyTarget): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(target);
    proxy.#port = await listenOnFreePort(proxy.#server);
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** @param scheme `mqtt`, `nats`, … */
  url(scheme = 'mqtt'): string {
    return `${scheme}://${this.host}:${this.#port}`;
  }

  /** Connections accepted since the start. */
  get connections(): number {
    return this.#connections;
  }

  /** Connections open now. */
  get openConnections(): number {
    return this.#pairs.size;
  }

  /** Bytes forwarded in one direction since the start. */
  bytes(direction: Direction): number {
    return this.#links[direction].bytes;
  }

  /** Every byte arrives this much later; 0 ends it. Bytes stay in order. */
  delay(delayMs: number, directions: Directions = 'both'): void {
    this.#change(directions, (link) => {
      link.delayMs = delayMs;
    });
  }

  /** Nothing passes any more, not even the end of a connection: a half-open link. */
  stall(directions: Directions = 'both'): void {
    this.#change(directions, (link) => {
      link.isStalled = true;
    });
  }

  /** Ends {@link FaultyProxy.stall}; what was held back follows. */
  resume(directions: Directions = 'both'): void {
    this.#change(directions, (link) => {
      link.isStalled = false;
    });
  }

  /** At most this many bytes a second and direction and connection; Infinity ends it. */
  throttle(bytesPerSecond: number, directions: Directions = 'both'): void {
    this.#change(directions, (link) => {
      link.bytesPerSecond = bytesPerSecond;
    });
  }

  /** Ends delay, stall, throttle and a pending {@link FaultyProxy.cutAfter}. */
  heal(): void {
    this.#change('both', (link) => {
      const { bytes } = link;
      Object.assign(link, healthyLink(), { bytes });
    });
  }

  /** Sends FIN to one side of all open connections (`toClient`: the clients see EOF); the other way goes on. */
  halfClose(direction: Direction): void {
    for (const pair of this.#pairs) pair.pipes[direction].endSink();
  }

  /** Ends all open connections with RST on both sides. */
  reset(): void {
    for (const pair of [...this.#pairs]) this.#endPair(pair, 'reset');
  }

  /** Ends all open connections with FIN on both sides, dropping what was under way. */
  cut(): void {
    for (const pair of [...this.#pairs]) this.#endPair(pair, 'cut');
  }

  /** After this many further bytes in a direction (over all connections) ends the connection that carries the last. */
  cutAfter(bytes: number, direction: Direction, how: Cut = 'cut'): void {
    this.#change(direction, (link) => {
      link.bytesUntilCut = bytes;
      link.cutBy = how;
    });
  }

  /** New connections meet "connection refused"; open ones stay. */
  async refuse(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close(); // its callback would wait for the open connections
    await waitFor(() => !this.#server.listening, 1_000, 'the proxy to stop listening');
  }

  /** Ends {@link FaultyProxy.refuse}. */
  async accept(): Promise<void> {
    if (this.#server.listening) return;
    await waitFor(() => tryListen(this.#server, this.#port), 5_000, `port ${this.#port} to be free again`);
  }

  /** Stops listening and ends all connections. Idempotent. */
  async stop(): Promise<void> {
    await this.refuse();
    this.cut();
  }

  #change(directions: Directions, change: (link: LinkState) => void): void {
    for (const direction of directions === 'both' ? BOTH : [directions]) {
      change(this.#links[direction]);
      for (const pair of this.#pairs) pair.pipes[direction].onChange();
    }
  }

  #onClient(client: Socket): void {
    this.#connections++;
    const target = createConnection({
      host: this.#target.host ?? LOOPBACK,
      port: this.#target.port,
      allowHalfOpen: true,
      noDelay: true,
    });
    const end = (how: Cut): void => this.#endPair(pair, how);
    const pair: Pair = {
      client,
      target,
      pipes: {
        toTarget: new ProxyPipe(client, target, this.#links.toTarget, end),
        toClient: new ProxyPipe(target, client, this.#links.toClient, end),
      },
    };
    this.#pairs.add(pair);
    const forgetWhenBothClosed = (): void => {
      if (client.destroyed && target.destroyed) this.#pairs.delete(pair);
    };
    client.on('close', forgetWhenBothClosed);
    target.on('close', forgetWhenBothClosed);
  }

  #endPair(pair: Pair, how: Cut): void {
    this.#pairs.delete(pair);
    for (const direction of BOTH) pair.pipes[direction].stop();
    for (const socket of [pair.client, pair.target]) {
      if (how === 'reset') socket.resetAndDestroy();
      else socket.destroy();
    }
  }
}
