import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse, Recorder, singleBytes } from '../unit/nats/recorder.ts';

const RUNS = { numRuns: 2000 };

const blanks = fc.stringMatching(/^[ \t]{1,3}$/);
const lineEnd = fc.constantFrom('\r\n', '\n');
const name = fc.stringMatching(/^[!-~\x80-\xff]{1,12}$/);
const payload = fc.uint8Array({ maxLength: 40 }).map((list) => Buffer.from(list).toString('latin1'));
const anyCase = (text: string) =>
  fc
    .array(fc.boolean(), { minLength: text.length, maxLength: text.length })
    .map((flags) => [...text].map((letter, at) => (flags[at] ? letter.toLowerCase() : letter)).join(''));

interface Written {
  readonly input: string;
  readonly expected: string;
}

const publish = fc
  .tuple(anyCase('PUB'), blanks, name, fc.option(name), payload, lineEnd)
  .map(([op, gap, subject, reply, text, end]): Written => {
    const names = reply === null ? subject : `${subject}${gap}${reply}`;
    return {
      input: `${op}${gap}${names}${gap}${text.length}${end}${text}\r\n`,
      expected: `PUB ${subject}${reply === null ? '' : ` reply=${reply}`} payload=${JSON.stringify(text)}`,
    };
  });

const publishWithHeaders = fc
  .tuple(anyCase('HPUB'), blanks, name, payload, payload, lineEnd)
  .map(([op, gap, subject, headers, text, end]): Written => {
    const sizes = `${headers.length}${gap}${headers.length + text.length}`;
    return {
      input: `${op}${gap}${subject}${gap}${sizes}${gap}${end}${headers}${text}\r\n`,
      expected: `PUB ${subject}${headers === '' ? '' : ` headers=${JSON.stringify(headers)}`} payload=${JSON.stringify(text)}`,
    };
  });

const subscribe = fc
  .tuple(anyCase('SUB'), blanks, name, fc.option(name), name, lineEnd)
  .map(([op, gap, subject, queue, sid, end]): Written => {
    const names = queue === null ? subject : `${subject}${gap}${queue}`;
    return {
      input: `${op}${gap}${names}${gap}${sid}${end}`,
      expected: `SUB ${subject}${queue === null ? '' : ` queue=${queue}`} sid=${sid}`,
    };
  });

const unsubscribe = fc
  .tuple(anyCase('UNSUB'), blanks, name, fc.option(fc.nat()), lineEnd)
  .map(([op, gap, sid, max, end]): Written => {
    const isNumber = max !== null && max <= 999_999_999;
    return {
      input: `${op}${gap}${sid}${max === null ? '' : gap + max}${end}`,
      expected: `UNSUB ${sid} max=${isNumber ? max : 0}`,
    };
  });

const short = fc
  .tuple(fc.constantFrom('PING', 'PONG'), fc.stringMatching(/^[ -~]{0,5}$/), lineEnd)
  .chain(([op, rest, end]) =>
    anyCase(op).map((text): Written => ({ input: text + rest + end, expected: op })),
  );

const connect = fc.tuple(anyCase('CONNECT'), lineEnd).map(
  ([op, end]): Written => ({
    input: `${op} {"verbose": false}${end}`,
    expected: 'CONNECT {"verbose": false}',
  }),
);

const script = fc.array(fc.oneof(publish, publishWithHeaders, subscribe, unsubscribe, short, connect), {
  maxLength: 12,
});

/** Where to cut, as fractions. */
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 10 });

function cutUp(input: Buffer, fractions: readonly number[]): Buffer[] {
  const at = [0, ...fractions.map((fraction) => Math.floor(fraction * input.length)), input.length].sort(
    (a, b) => a - b,
  );
  return at.slice(1).map((end, i) => input.subarray(at[i], end));
}

/** Refuses as the list says, then takes everything. */
function refusing(list: readonly boolean[]): Recorder {
  const recorder = new Recorder();
  let call = 0;
  recorder.refuses = () => list[call++] ?? false;
  return recorder;
}

test('parser: any chunking and any refusals give the same operations', () => {
  fc.assert(
    fc.property(
      script,
      cuts,
      fc.array(fc.boolean(), { maxLength: 60 }),
      (operations, fractions, refusals) => {
        const input = Buffer.from(operations.map((one) => one.input).join(''), 'latin1');
        const expected = { operations: operations.map((one) => one.expected), error: null };
        assert.deepEqual(parse([input]), expected);
        assert.deepEqual(parse(singleBytes(input)), expected);
        assert.deepEqual(parse(cutUp(input, fractions), refusing(refusals)), expected);
      },
    ),
    RUNS,
  );
});

/** Pieces that make almost valid input likely. */
const PIECES = [
  'PUB ',
  'HPUB\t',
  'sub ',
  'UNSUB ',
  'PING',
  'PONG',
  'CONNECT',
  'INFO ',
  '+OK',
  '-ERR ',
  '{}',
  'a',
  'b.c',
  '1',
  '2',
  '12',
  ' ',
  '\t',
  '\r',
  '\n',
  '\r\n',
  'xy',
  '\0',
  '\xff',
];
const noise = fc
  .oneof(
    fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((list) => list.join('')),
    fc.uint8Array({ maxLength: 200 }).map((list) => Buffer.from(list).toString('latin1')),
  )
  .map((text) => Buffer.from(text, 'latin1'));

test('parser: random bytes give operations or one GatewayError, the same for any chunking', () => {
  fc.assert(
    fc.property(
      script,
      noise,
      cuts,
      fc.array(fc.boolean(), { maxLength: 60 }),
      (operations, rest, fractions, refusals) => {
        const input = Buffer.concat([
          Buffer.from(operations.map((one) => one.input).join(''), 'latin1'),
          rest,
        ]);
        // `parse` lets every error through that is no GatewayError.
        const whole = parse([input], new Recorder(), 30);
        assert.deepEqual(parse(singleBytes(input), new Recorder(), 30), whole);
        assert.deepEqual(parse(cutUp(input, fractions), refusing(refusals), 30), whole);
      },
    ),
    { numRuns: 5000 },
  );
});
