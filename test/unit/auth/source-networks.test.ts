import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isInNetworks, parseNetworks } from '../../../src/auth/source-networks.ts';

const LIST = ['10.0.0.0/8', '192.168.1.77/24', '203.0.113.5/32', '2001:db8::/32'];
const ADDRESSES: [address: string, isInside: boolean][] = [
  ['10.255.0.1', true],
  ['11.0.0.1', false],
  ['192.168.1.1', true],
  ['192.168.2.1', false],
  ['203.0.113.5', true],
  ['203.0.113.6', false],
  ['::ffff:10.1.2.3', true],
  ['::ffff:11.1.2.3', false],
  ['2001:db8:1::1', true],
  ['2001:db9::1', false],
  ['', false],
  ['localhost', false],
];
for (const [address, isInside] of ADDRESSES) {
  test(`source networks: "${address}" is ${isInside ? 'inside' : 'outside'}`, () => {
    const list = parseNetworks(LIST);
    assert.ok(list !== null);
    assert.equal(isInNetworks(list, address), isInside);
  });
}

for (const network of [
  '',
  '10.0.0.0',
  '10.0.0/8',
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '::/129',
  'a/8',
  '10.0.0.0/8/8',
  'fe80::1%eth0/64',
]) {
  test(`source networks: "${network}" is none`, () => assert.equal(parseNetworks([network]), null));
}
