import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAccount, createOperator, createServer, createUser } from '@nats-io/nkeys';
import { decodeNkey, encodeNkey, isNkey, type NkeyKind } from '../../../src/nats/nkey.ts';

const KEY = 'UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4';
const user = createUser().getPublicKey();

const REFUSED: [name: string, text: string][] = [
  ['nothing', ''],
  ['one letter less', user.slice(0, 55)],
  ['one letter more', `${user}A`],
  ['padding', `${user}=`],
  ['small letters', user.toLowerCase()],
  ['a line end inside', `${user.slice(0, 28)}\n${user.slice(28)}`],
  ['a digit that is no letter of base32', `${user.slice(0, 20)}1${user.slice(21)}`],
  [
    'another letter than the checksum says',
    `${user.slice(0, 20)}${user[20] === 'A' ? 'B' : 'A'}${user.slice(21)}`,
  ],
  ['another checksum', `${user.slice(0, 55)}${user[55] === 'A' ? 'B' : 'A'}`],
  ['the key of a server', createServer().getPublicKey()],
  ['the key of an account', createAccount().getPublicKey()],
  ['a seed', 'SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY'],
];

for (const [name, text] of REFUSED) {
  test(`nkey: ${name} is no public user key`, () => {
    assert.equal(decodeNkey(text, 'user'), null);
    assert.equal(isNkey(text, 'user'), false);
  });
}

test('nkey: reads the example of the documentation of NATS and writes it the same', () => {
  const key = decodeNkey(KEY, 'user');
  assert.ok(key !== null);
  assert.equal(key.length, 32);
  assert.equal(encodeNkey(key, 'user'), KEY);
});

const MAKERS: [NkeyKind, () => { getPublicKey(): string }][] = [
  ['user', createUser],
  ['account', createAccount],
  ['operator', createOperator],
];
for (const [kind, make] of MAKERS) {
  test(`nkey: takes the key of a ${kind} for that and nothing else`, () => {
    const text = make().getPublicKey();
    assert.deepEqual(
      MAKERS.map(([other]) => isNkey(text, other)),
      MAKERS.map(([other]) => other === kind),
    );
  });
}

test('nkey: what is not text is no key', () => {
  for (const value of [null, undefined, 5, [user], { key: user }]) assert.equal(isNkey(value, 'user'), false);
});
