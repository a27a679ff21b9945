import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import { AccessRules, canonicalAddress, Networks } from '../../../src/transport/networks.ts';

test('networks: both families, single addresses, IPv4 in its IPv6 form', () => {
  const list = new Networks(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::ffff:198.51.100.0/120']);
  const inside = ['10.255.0.1', '192.0.2.1', '2001:db8:ffff::1', '198.51.100.7', '::ffff:10.0.0.1'];
  const outside = ['11.0.0.1', '192.0.2.2', '2001:db9::1', '198.51.101.7', '', 'x', '10.0.0.1.'];
  for (const address of inside) assert.ok(list.has(address), address);
  for (const address of outside) assert.ok(!list.has(address), address);
});

test('networks: whole families', () => {
  assert.ok(new Networks(['0.0.0.0/0']).has('255.255.255.255'));
  assert.ok(!new Networks(['0.0.0.0/0']).has('2001:db8::1'));
  assert.ok(new Networks(['::/0']).has('2001:db8::1'));
});

test('networks: the first rule counts, and nobody is denied without one', () => {
  const rules = new AccessRules(['deny 10.0.0.1', 'allow 10.0.0.0/8', 'deny all']);
  const answers = ['10.0.0.1', '10.0.0.2', '11.0.0.1'].map((address) => rules.allows(address));
  assert.deepEqual(answers, [false, true, false]);
  assert.ok(new AccessRules(['deny 10.0.0.1']).allows('::1'));
  assert.ok(new AccessRules([]).allows('10.0.0.1'));
});

test('networks: one way to write an address', () => {
  assert.equal(canonicalAddress('2001:DB8:0:0::1'), '2001:db8::1');
  assert.equal(canonicalAddress('::FFFF:7f00:1'), '127.0.0.1');
  for (const text of ['', 'x', '127.1', 'fe80::1%eth0', '1.2.3.4/8', ' 1.2.3.4'])
    assert.equal(canonicalAddress(text), null, text);
});

const REFUSED: readonly (readonly [problem: RegExp, rules: readonly string[]])[] = [
  [/rules such as/, ['allow']],
  [/rules such as/, ['permit all']],
  [/rules such as/, ['allow 10.0.0.0/33']],
  [/rules such as/, ['allow 10.0.0']],
  [/rules such as/, ['deny ::1/129']],
  [/deny nobody/, ['allow 10.0.0.0/8']],
  [/never counts/, ['deny all', 'allow 10.0.0.0/8']],
];
for (const [problem, rules] of REFUSED) {
  test(`access rules: ${JSON.stringify(rules)} are refused`, () => {
    const listeners = [{ name: 'tcp', bind: '127.0.0.1:0', access_rules: rules }];
    assert.throws(() => loadConfig({ env: {}, flags: { listeners } }), problem);
  });
}

test('access rules: trusted proxies are for WebSocket listeners', () => {
  const listeners = [{ name: 'tcp', bind: '127.0.0.1:0', websocket: { trusted_proxies: ['10.0.0.1'] } }];
  assert.throws(() => loadConfig({ env: {}, flags: { listeners } }), /only for listeners of type/);
});
