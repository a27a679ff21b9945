/**
 * Random sequences of operations on one to three connections, cut anywhere, against nats-server and the gateway: every
 * connection must get the same. `NMG_SEED=n` and `NMG_SEQUENCES=n` repeat or lengthen a run.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectRaw, type RawClient } from '../../support/raw-client.ts';
import { type Pair, startPair, type Target } from './compat.ts';
import { normalised, operations } from './transcript.ts';

const FIRST_SEED = Number(process.env.NMG_SEED ?? 1);
const SEQUENCES = Number(process.env.NMG_SEQUENCES ?? 30);
const STEPS = 14;

const SUBJECTS = ['a', 'b', 'a.b', 'a.c', 'a.b.c', 'x.y', 'a..b', 'a.*', 'foo>', '*'];
const FILTERS = [
  ...[
    'a',
    'b',
    'a.*',
    'a.>',
    '>',
    '*',
    'a.b',
    '*.b',
    'a.b.c',
    'x.*',
    'a..b',
    'a.>.b',
    'foo*',
    'in.1',
    'in.*',
  ],
];
/** One filter for each: groups with several filters on several connections are an intended difference. */
const GROUPS = [
  ['g', 'a.*'],
  ['h', '>'],
] as const;
const HEADERS = 'NATS/1.0\r\nA: b\r\nC: d:e\r\n\r\n';

type Random = () => number;

/** mulberry32: the same numbers for the same seed on every machine. */
function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Step {
  readonly connection: number;
  readonly text: string;
  /** Where the text is cut into writes. */
  readonly cuts: readonly number[];
}

interface Plan {
  readonly connects: readonly { readonly echo: boolean }[];
  readonly steps: readonly Step[];
}

function planOf(seed: number): Plan {
  const random = randomOf(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const connects = Array.from({ length: 1 + below(3) }, () => ({
    verbose: random() < 0.3,
    pedantic: random() < 0.3,
    echo: random() < 0.8,
    headers: true,
    no_responders: random() < 0.7,
  }));
  let messages = 0;
  const steps = Array.from({ length: STEPS }, (): Step => {
    const connection = below(connects.length);
    const hears = connects[connection]?.echo ?? false;
    let text = '';
    for (let i = 1 + below(5); i > 0; i--) text += operation(random, hears, () => String(++messages));
    const cuts = random() < 0.3 ? [below(text.length), below(text.length)].sort((a, b) => a - b) : [];
    return { connection, text, cuts };
  });
  return { connects, steps };
}

function operation(random: Random, hears: boolean, next: () => string): string {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const kind = random();
  const sid = 1 + Math.floor(random() * 6);
  const [group, filter] = pick(GROUPS);
  if (kind < 0.3) return `SUB ${pick(FILTERS)} ${sid}\r\n`;
  if (kind < 0.36) return `SUB ${filter} ${group} q${group}${sid}\r\n`;
  if (kind < 0.46) return `UNSUB ${sid}\r\n`;
  if (kind < 0.55) return `UNSUB ${sid} ${Math.floor(random() * 4)}\r\n`;
  if (kind < 0.6) return `UNSUB q${group}${sid}\r\n`;
  const payload = next();
  // Requests of clients that do not hear themselves are an intended difference.
  const hasReply = hears && kind >= 0.85 && kind < 0.93;
  if (!hears || kind < 0.93)
    return `PUB ${pick(SUBJECTS)} ${hasReply ? 'in.1 ' : ''}${payload.length}\r\n${payload}\r\n`;
  const total = HEADERS.length + payload.length;
  return `HPUB ${pick(SUBJECTS)} ${HEADERS.length} ${total}\r\n${HEADERS}${payload}\r\n`;
}

/** Two rounds: what one connection's flush sets free may still be on its way to another that was asked before. */
async function settle(clients: readonly RawClient[]): Promise<string[][]> {
  const got: string[][] = clients.map(() => []);
  for (let round = 0; round < 2; round++) {
    for (const [index, client] of clients.entries()) {
      const bytes = await client.pingPong();
      got[index]?.push(...normalised(operations(bytes)).filter((one) => one !== 'PONG'));
    }
  }
  return got;
}

/** What a step gave: sorted, because outputs of different causes have no order. */
function seen(got: readonly (readonly string[])[]): string[] {
  return got.flatMap((lines, index) => lines.map((line) => masked(line, index))).sort();
}

function masked(line: string, connection: number): string {
  const member = /^(H?MSG \S+) (q[gh])\d+ (.*)$/s.exec(line);
  // Which member of a group gets a message is chance, and so is which of several subscriptions gets the 503.
  if (member !== null) return `group ${member[1]} ${member[2]} ${member[3]}`;
  return `${connection} ${line.replace(/^503 (\S+) \S+$/, '503 $1')}`;
}

async function play(target: Target, plan: Plan): Promise<string[][]> {
  const clients: RawClient[] = [];
  try {
    for (const connect of plan.connects) {
      const client = await connectRaw(target.host, target.port);
      client.answerPings();
      client.send(`CONNECT ${JSON.stringify(connect)}\r\n`);
      clients.push(client);
    }
    const steps = [seen(await settle(clients))];
    for (const { connection, text, cuts } of plan.steps) {
      let from = 0;
      for (const to of [...cuts, text.length]) {
        clients[connection]?.send(text.slice(from, to));
        from = to;
      }
      steps.push(seen(await settle(clients)));
    }
    return steps;
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

/** nats-server 2.9 repeats this text where a queue group matches the subject. */
function withoutRepeats(lines: readonly string[]): string[] {
  return lines.filter((line, i) => !line.endsWith("'Invalid Publish Subject'") || line !== lines[i - 1]);
}

let pair: Pair;
before(async () => {
  pair = await startPair();
});
after(() => pair.stop());

test(`compat: ${SEQUENCES} random sequences from seed ${FIRST_SEED} give the same output`, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEQUENCES; seed++) {
    const plan = planOf(seed);
    const oracle = await play(pair.targets[0], plan);
    const ours = await play(pair.targets[1], plan);
    for (const [index, expected] of oracle.entries()) {
      const history = plan.steps.slice(0, index).map((step) => `${step.connection}: ${step.text}`);
      const about = `seed ${seed}, ${JSON.stringify(plan.connects)}, after\n${history.join('')}`;
      assert.deepEqual(withoutRepeats(ours[index] ?? []), withoutRepeats(expected), about);
    }
  }
});
