/** PROXY headers of both versions: what is in them, every cut, and what is none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MAX_PROXY_HEADER_BYTES, readProxyHeader } from '../../../src/transport/proxy-header.ts';
import { binaryHeader, ip4Body } from '../../support/proxy-speaker.ts';

const ip6Body = Buffer.concat([
  Buffer.from('20010db8000000000000000000000007', 'hex'),
  Buffer.from('00000000000000000000000000000001', 'hex'),
  Buffer.from([0x1f, 0x90, 0x10, 0x7e]),
]);
const line = (text: string): Buffer => Buffer.from(`${text}\r\n`);

const WHOLE: readonly [string, Buffer, { address: string; port: number } | null][] = [
  ['TCP4', line('PROXY TCP4 203.0.113.7 10.0.0.1 50000 4222'), { address: '203.0.113.7', port: 50_000 }],
  ['TCP6', line('PROXY TCP6 2001:DB8:0:0::7 ::1 1 65535'), { address: '2001:db8::7', port: 1 }],
  [
    'an IPv4 address as one of IPv6',
    line('PROXY TCP6 ::ffff:10.1.2.3 ::1 0 0'),
    { address: '10.1.2.3', port: 0 },
  ],
  ['UNKNOWN', line('PROXY UNKNOWN'), null],
  ['UNKNOWN with what follows', line('PROXY UNKNOWN ffff:f::1 x y 9 9'), null],
  ['longest line', line(`PROXY UNKNOWN ${'x'.repeat(91)}`), null],
  [
    '2, IPv4',
    binaryHeader(0x21, 0x11, ip4Body('203.0.113.7', 50_000)),
    { address: '203.0.113.7', port: 50_000 },
  ],
  ['2, IPv6', binaryHeader(0x21, 0x21, ip6Body), { address: '2001:db8::7', port: 8080 }],
  [
    '2, with extensions',
    binaryHeader(0x21, 0x11, ip4Body('10.0.0.9', 7, Buffer.alloc(300, 0x20))),
    { address: '10.0.0.9', port: 7 },
  ],
  ['2, LOCAL', binaryHeader(0x20, 0x00, Buffer.alloc(0)), null],
  ['2, LOCAL with addresses', binaryHeader(0x20, 0x11, ip4Body('10.0.0.9', 7)), null],
  ['2, unspecified', binaryHeader(0x21, 0x00, Buffer.alloc(5)), null],
  ['2, Unix socket', binaryHeader(0x21, 0x31, Buffer.alloc(216)), null],
];

for (const [name, bytes, client] of WHOLE) {
  test(`proxy header: ${name}`, () => {
    const behind = Buffer.from('CONNECT {}\r\nPROXY TCP4');
    for (const more of [Buffer.alloc(0), behind])
      assert.deepEqual(readProxyHeader(Buffer.concat([bytes, more])), {
        kind: 'whole',
        length: bytes.length,
        client,
      });
    for (let cut = 0; cut < bytes.length; cut++)
      assert.deepEqual(readProxyHeader(bytes.subarray(0, cut)), { kind: 'incomplete' }, `cut at ${cut}`);
  });
}

const INVALID: readonly [string, Buffer][] = [
  ['a NATS client', line('CONNECT {"verbose":false}')],
  ['a TLS handshake', Buffer.from([0x16, 3, 1, 2, 0])],
  ['lower case', line('proxy TCP4 1.1.1.1 1.1.1.1 1 1')],
  ['another family', line('PROXY UDP4 1.1.1.1 1.1.1.1 1 1')],
  ['no family', line('PROXY ')],
  ['IPv6 in TCP4', line('PROXY TCP4 ::1 ::1 1 1')],
  ['IPv4 in TCP6', line('PROXY TCP6 1.1.1.1 1.1.1.1 1 1')],
  ['no address', line('PROXY TCP4 300.1.1.1 1.1.1.1 1 1')],
  ['no target', line('PROXY TCP4 1.1.1.1 x 1 1')],
  ['a zone', line('PROXY TCP6 fe80::1%eth0 ::1 1 1')],
  ['two blanks', line('PROXY TCP4  1.1.1.1 1.1.1.1 1 1')],
  ['one more word', line('PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1')],
  ['one word less', line('PROXY TCP4 1.1.1.1 1.1.1.1 1')],
  ['a port above all', line('PROXY TCP4 1.1.1.1 1.1.1.1 65536 1')],
  ['a port with a sign', line('PROXY TCP4 1.1.1.1 1.1.1.1 -1 1')],
  ['a port with a leading zero', line('PROXY TCP4 1.1.1.1 1.1.1.1 01 1')],
  ['a line that is too long', line(`PROXY UNKNOWN ${'x'.repeat(92)}`)],
  ['a line without end', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(200)}`)],
  ['2, version 1 inside', binaryHeader(0x11, 0x11, ip4Body('1.1.1.1', 1))],
  ['2, another command', binaryHeader(0x22, 0x11, ip4Body('1.1.1.1', 1))],
  ['2, UDP', binaryHeader(0x21, 0x12, ip4Body('1.1.1.1', 1))],
  ['2, no room for IPv4', binaryHeader(0x21, 0x11, Buffer.alloc(11))],
  ['2, no room for IPv6', binaryHeader(0x21, 0x21, Buffer.alloc(35))],
  [
    '2, more than anybody sends',
    binaryHeader(0x21, 0x11, Buffer.alloc(MAX_PROXY_HEADER_BYTES)).subarray(0, 16),
  ],
];

for (const [name, bytes] of INVALID) {
  test(`proxy header: refuses ${name}`, () => {
    assert.equal(readProxyHeader(bytes).kind, 'invalid');
  });
}

test('proxy header: whatever the bytes, it is decided within the bound, and a prefix never says otherwise', () => {
  const start = fc.constantFrom(
    Buffer.alloc(0),
    Buffer.from('PROXY '),
    Buffer.from('PROXY TCP4 '),
    binaryHeader(0x21, 0x11, Buffer.alloc(0)).subarray(0, 14),
  );
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 300 }), fc.nat(300), (head, tail, cut) => {
      const bytes = Buffer.concat([head, tail]);
      const all = readProxyHeader(bytes);
      const part = readProxyHeader(bytes.subarray(0, cut));
      if (part.kind !== 'incomplete') assert.deepEqual(all, part);
      if (all.kind === 'incomplete') assert.ok(bytes.length < MAX_PROXY_HEADER_BYTES);
    }),
    { numRuns: 2_000 },
  );
});
