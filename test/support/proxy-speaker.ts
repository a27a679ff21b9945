/** A load balancer of a few lines: passes each connection on behind a PROXY header that the test writes. */
import net from 'node:net';

/** See the head of this file. */
export class ProxySpeaker {
  /** Written in front of the client's bytes. */
  header: Buffer = Buffer.alloc(0);
  /** Bytes at a time, for the header and the first bytes of the client; 0: as they come. */
  pieceBytes = 0;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  private constructor(server: net.Server) {
    this.#server = server;
  }

  /** Starts one in front of this port of 127.0.0.1. */
  static async start(targetPort: number): Promise<ProxySpeaker> {
    const server = net.createServer((client) => speaker.#forward(client, targetPort));
    const speaker = new ProxySpeaker(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return speaker;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #forward(client: net.Socket, targetPort: number): void {
    const target = net.connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
    for (const socket of [client, target]) {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    }
    client.on('error', () => target.destroy());
    target.on('error', () => client.destroy());
    // Never an event without its partner: who ends first ends both.
    client.on('close', () => target.destroy());
    target.on('close', () => client.destroy());
    target.pipe(client);
    target.once('connect', () => {
      this.#write(target, () => client.pipe(target));
    });
  }

  /** In pieces, each in a segment of its own, as far as the kernel agrees. */
  #write(target: net.Socket, done: () => void): void {
    const size = this.pieceBytes === 0 ? this.header.length : this.pieceBytes;
    const { header } = this;
    const next = (from: number): void => {
      if (from >= header.length) done();
      else target.write(header.subarray(from, from + size), () => setImmediate(next, from + size));
    };
    next(0);
  }
}

/** Version 1. */
export function lineHeader(address: string, port: number): Buffer {
  const family = address.includes(':') ? 'TCP6' : 'TCP4';
  return Buffer.from(
    `PROXY ${family} ${address} ${family === 'TCP6' ? '::1' : '127.0.0.1'} ${port} 4222\r\n`,
  );
}

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

/** Version 2. @param body addresses, ports and extensions */
export function binaryHeader(command: number, family: number, body: Buffer): Buffer {
  const fixed = Buffer.from([command, family, body.length >> 8, body.length & 255]);
  return Buffer.concat([SIGNATURE, fixed, body]);
}

/** The body of an IPv4 connection. @param extensions type, length and value, as they are */
export function ip4Body(address: string, port: number, extensions = Buffer.alloc(0)): Buffer {
  const octets = Buffer.from([...address.split('.').map(Number), 127, 0, 0, 1]);
  return Buffer.concat([octets, Buffer.from([port >> 8, port & 255, 0x10, 0x7e]), extensions]);
}
