/** Checklist rows 97 to 103: NATS over WebSocket. */
import assert from 'node:assert/strict';
import { type IncomingMessage, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { connectRawWebSocket } from '../../support/raw-client.ts';
import { within } from '../../support/wait-for.ts';
import { connectLine, type Pair, QUIET, runOnBoth, type Script, startPair, type Target } from './compat.ts';
import { EOF, operations } from './transcript.ts';

const LIMIT_MS = 5_000;
const CONNECT = connectLine(QUIET);

let pair: Pair;

before(async () => {
  pair = await startPair({
    gateway: {
      listeners: [
        { name: 'tcp', type: 'tcp', bind: '127.0.0.1:0' },
        {
          name: 'ws',
          type: 'ws',
          bind: '127.0.0.1:0',
          websocket: { compression: true, allowed_origins: 'same_origin' },
        },
      ],
    },
    natsServer: { websocket: { compression: true, same_origin: true } },
  });
});

after(() => pair.stop());

/** The answer to an upgrade request. */
interface Upgrade {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  /** Null: refused. */
  readonly socket: Duplex | null;
}

async function upgrade(target: Target, path: string, headers: Record<string, string>): Promise<Upgrade> {
  const url = new URL(target.wsUrl);
  const asking = request({
    host: url.hostname,
    port: url.port,
    path,
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      ...headers,
    },
  });
  const answered = new Promise<Upgrade>((resolve, reject) => {
    asking.on('upgrade', ({ statusCode, headers }, socket) => {
      resolve({ status: statusCode, headers, socket });
    });
    asking.on('response', (response) => {
      response.resume();
      resolve({ status: response.statusCode, headers: response.headers, socket: null });
    });
    asking.on('error', reject);
  });
  asking.end();
  return await within(answered, LIMIT_MS, 'the answer to the upgrade request');
}

/** How a client puts a text into WebSocket messages. */
type SendAs = (socket: WebSocket, text: string) => void;

const SHAPES: Readonly<Record<string, SendAs>> = {
  'a binary message': (socket, text) => socket.send(Buffer.from(text)),
  'a text message': (socket, text) => socket.send(text),
  'one message of many fragments': (socket, text) => {
    for (const character of text) socket.send(character, { fin: false, binary: true });
    socket.send('', { fin: true, binary: true });
  },
  'operations split over messages': (socket, text) => {
    for (const part of text.match(/.{1,3}/gs) ?? []) socket.send(Buffer.from(part));
  },
};

for (const [shape, sendAs] of Object.entries(SHAPES)) {
  test(`checklist 97: WebSocket input as ${shape}`, async () => {
    await runOnBoth(
      pair,
      async ({ target }) => {
        const socket = new WebSocket(target.wsUrl, { perMessageDeflate: false });
        const kinds = new Set<string>();
        let text = '';
        const answered = new Promise<void>((resolve, reject) => {
          socket.on('message', (data, isBinary) => {
            kinds.add(isBinary ? 'binary' : 'text');
            text += String(data);
            if (text.endsWith('PONG\r\n')) resolve();
          });
          socket.on('error', reject);
        });
        socket.on('open', () => sendAs(socket, `${CONNECT}SUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n`));
        try {
          await within(answered, LIMIT_MS, 'PONG');
        } finally {
          socket.terminate();
        }
        return { kinds: [...kinds], answer: operations(Buffer.from(text)).slice(1) };
      },
      { kinds: ['binary'], answer: ['MSG a 1 2\r\nhi', 'PONG'] },
    );
  });
}

test('checklist 98: INFO stands alone in the first WebSocket message', async () => {
  await runOnBoth(
    pair,
    async (stage) => {
      const raw = await connectRawWebSocket(stage.target.wsUrl, { readInfo: false });
      const client = stage.adopt(raw);
      client.send(CONNECT);
      await client.sync();
      return /^INFO \{[^\r\n]*\} \r\n$/.test(String(raw.messages[0]));
    },
    true,
  );
});

test('checklist 99: any path, and no sub-protocol', async () => {
  await runOnBoth(
    pair,
    async ({ target }) => {
      const { status, headers, socket } = await upgrade(target, '/x?y', { 'Sec-WebSocket-Protocol': 'nats' });
      socket?.destroy();
      return { status, protocol: headers['sec-websocket-protocol'] };
    },
    { status: 101, protocol: undefined },
  );
});

test('checklist 100: same origin only', async () => {
  await runOnBoth(
    pair,
    async ({ target }) => {
      const statuses: (number | undefined)[] = [];
      const own = target.wsUrl.replace('ws:', 'http:');
      for (const origin of [{}, { Origin: own }, { Origin: 'http://elsewhere.example' }]) {
        const { status, socket } = await upgrade(target, '/', origin as Record<string, string>);
        socket?.destroy();
        statuses.push(status);
      }
      return statuses;
    },
    [101, 101, 403],
  );
});

test('checklist 101: compression keeps no context on either side', async () => {
  await runOnBoth(
    pair,
    async ({ target }) => {
      const offer = { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' };
      const { headers, socket } = await upgrade(target, '/', offer);
      socket?.destroy();
      return headers['sec-websocket-extensions'];
    },
    'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
  );
});

test('checklist 101: a compressed message crosses', async () => {
  const payload = 'compressible '.repeat(1_000);
  await runOnBoth(
    pair,
    async (stage) => {
      const client = stage.adopt(await connectRawWebSocket(stage.target.wsUrl, { compression: true }));
      client.send(`${CONNECT}SUB a 1\r\nPUB a ${payload.length}\r\n${payload}\r\n`);
      return await client.sync();
    },
    [`MSG a 1 ${payload.length}\r\n${payload}`],
  );
});

/** What a client sees of the end of a WebSocket connection. */
function endAfter(input: string): Script<{ transcript: string[]; code: number; reason: string }> {
  return async (stage) => {
    const raw = await connectRawWebSocket(stage.target.wsUrl);
    stage.adopt(raw);
    raw.send(input);
    const { how, leftover, code, reason } = await raw.closed();
    return { transcript: [...operations(leftover), how === 'eof' ? EOF : 'RST'], code, reason };
  };
}

const CLOSES = [
  ['an unknown operation', 'FOO\r\n', "-ERR 'Unknown Protocol Operation'", 1002, 'Protocol Violation'],
  ['wrong arguments', 'PUB a\r\n', null, 1002, 'Protocol Violation'],
  ['a wrong CONNECT', 'CONNECT xx\r\n', null, 1002, 'Protocol Violation'],
  ['HPUB without headers', 'HPUB a 0 0\r\n', null, 1002, 'Protocol Violation'],
  ['-ERR from the client', "-ERR 'x'\r\n", null, 1002, 'Parse Error'],
  [
    'an unknown client protocol',
    'CONNECT {"protocol":7}\r\n',
    "-ERR 'invalid client protocol'",
    1002,
    'Bad Client Protocol Version',
  ],
  [
    'a payload too long',
    `${CONNECT}PUB a 1048577\r\n`,
    "-ERR 'Maximum Payload Violation'",
    1009,
    'Maximum Message Payload Exceeded',
  ],
  [
    'no permission to connect',
    'CONNECT {"account":"x"}\r\n',
    "-ERR 'Authorization Violation'",
    1008,
    'Authentication Failure',
  ],
] as const;

for (const [what, input, error, code, reason] of CLOSES) {
  test(`checklist 102: close code ${code} after ${what}`, async () => {
    const transcript = error === null ? [EOF] : [error, EOF];
    await runOnBoth(pair, endAfter(input), { transcript, code, reason });
  });
}

test('checklist 103: a frame without a mask ends the connection', async () => {
  await runOnBoth(
    pair,
    async ({ target }) => {
      const { socket } = await upgrade(target, '/', {});
      assert.ok(socket);
      const ended = new Promise<void>((resolve) => {
        socket.on('close', resolve).on('error', () => resolve());
      });
      let received = '';
      socket.on('data', (bytes) => {
        received += String(bytes);
      });
      socket.write(Buffer.concat([Buffer.of(0x82, 6), Buffer.from('PING\r\n')]));
      try {
        await within(ended, LIMIT_MS, 'the end of the connection');
      } finally {
        socket.destroy();
      }
      return received.includes('PONG');
    },
    false,
  );
});

// Last: nothing runs afterwards.
test('checklist 102: close code 1001 when the server stops', async () => {
  const ends = await Promise.all(
    pair.targets.map(async ({ wsUrl, kind }) => {
      const raw = await connectRawWebSocket(wsUrl);
      raw.send(CONNECT);
      await raw.pingPong();
      if (kind === 'gateway') await pair.gateway.stop();
      else await pair.natsServer.kill('SIGINT');
      const { leftover, code, reason } = await raw.closed();
      return { leftover: leftover.toString().replace(/^INFO .*\r\n/, ''), code, reason };
    }),
  );
  const expected = { leftover: '', code: 1001, reason: 'Server Shutdown' };
  assert.deepEqual(ends, [expected, expected]);
});
