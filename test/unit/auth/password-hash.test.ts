import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type HashAlgorithm, isSameSecret, PasswordHashes } from '../../../src/auth/password-hash.ts';

const passwords = new PasswordHashes();
after(() => passwords.close());
const signal = new AbortController().signal;

const BASE: HashAlgorithm = {
  name: 'sha256',
  saltPosition: 'suffix',
  macFunction: 'sha',
  iterations: 4096,
  keyBytes: null,
};

// Made with md5sum, sha1sum, sha256sum, sha512sum; pbkdf2 is RFC 6070, case 3; bcrypt is Wikipedia's example.
const KNOWN: [string, Partial<HashAlgorithm>, password: string, hash: string, salt: string][] = [
  ['plain', { name: 'plain' }, 'secret', 'secret', ''],
  [
    'md5 without salt',
    { name: 'md5', saltPosition: 'disable' },
    'password',
    '5f4dcc3b5aa765d61d8327deb882cf99',
    'x',
  ],
  [
    'md5 with prefix',
    { name: 'md5', saltPosition: 'prefix' },
    'word',
    '5f4dcc3b5aa765d61d8327deb882cf99',
    'pass',
  ],
  [
    'md5 with suffix',
    { name: 'md5', saltPosition: 'suffix' },
    'pass',
    '5f4dcc3b5aa765d61d8327deb882cf99',
    'word',
  ],
  [
    'sha',
    { name: 'sha', saltPosition: 'disable' },
    'password',
    '5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8',
    '',
  ],
  [
    'sha256 in capitals',
    { name: 'sha256', saltPosition: 'prefix' },
    'word',
    '5E884898DA28047151D0E56F8DC6292773603D0D6AABBDD62A11EF721D1542D8',
    'pass',
  ],
  [
    'sha512',
    { name: 'sha512', saltPosition: 'suffix' },
    'pass',
    'b109f3bbbc244eb82441917ed06d618b9008dd09b3befd1b5e07394c706a8bb980b1d7785e5976ec049b46df5f1326af5a2ea6d103fd07c95385ffab0cacbc86',
    'word',
  ],
  ['pbkdf2', { name: 'pbkdf2' }, 'password', '4b007901b765489abead49d926f721d065a429c1', 'salt'],
  ['pbkdf2 cut', { name: 'pbkdf2', keyBytes: 4 }, 'password', '4b007901', 'salt'],
  [
    'bcrypt',
    { name: 'bcrypt' },
    'abc123xyz',
    '$2a$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW',
    '',
  ],
];
for (const [name, algorithm, password, hash, salt] of KNOWN) {
  test(`password hash: ${name}`, async () => {
    const full = { ...BASE, ...algorithm };
    assert.equal(await passwords.verify(password, { hash, salt }, full, signal), true);
    assert.equal(await passwords.verify(`${password} `, { hash, salt }, full, signal), false);
    assert.equal(await passwords.verify('', { hash, salt }, full, signal), false);
    assert.equal(await passwords.verify(password, { hash: '', salt }, full, signal), false);
  });
}

for (const name of ['plain', 'md5', 'sha', 'sha256', 'sha512', 'pbkdf2', 'bcrypt'] as const) {
  test(`password hash: what ${name} makes it also takes`, async () => {
    const algorithm = { ...BASE, name };
    const stored = await passwords.hash('pässword', algorithm, signal);
    assert.equal(await passwords.verify('pässword', stored, algorithm, signal), true);
    assert.equal(await passwords.verify('password', stored, algorithm, signal), false);
    const again = await passwords.hash('pässword', algorithm, signal);
    if (name !== 'plain') assert.notEqual(again.hash, stored.hash, 'the salt is random');
  });
}

test('password hash: a configured secret is plain text or a bcrypt hash', async () => {
  const { hash } = await passwords.hash('tok', { ...BASE, name: 'bcrypt' }, signal);
  for (const configured of ['tok', hash]) {
    assert.equal(await passwords.verifyPlainOrBcrypt('tok', configured, signal), true);
    assert.equal(await passwords.verifyPlainOrBcrypt('tik', configured, signal), false);
  }
  // The hash itself is no password.
  assert.equal(await passwords.verifyPlainOrBcrypt(hash, hash, signal), false);
});

test('password hash: what bcrypt takes for another password is refused', async () => {
  const algorithm = { ...BASE, name: 'bcrypt' } as const;
  const longest = 'ü'.repeat(36);
  const { hash } = await passwords.hash(longest, algorithm, signal);
  assert.equal(await passwords.verify(longest, { hash, salt: '' }, algorithm, signal), true);
  for (const tail of ['x', '\0', `\0${longest}`]) {
    assert.equal(await passwords.verify(longest + tail, { hash, salt: '' }, algorithm, signal), false);
    assert.equal(await passwords.verifyPlainOrBcrypt(longest + tail, hash, signal), false);
    await assert.rejects(passwords.hash(longest + tail, algorithm, signal), {
      name: 'UnhashableError',
      message: /^is longer than 72 bytes/,
    });
  }
  const short = await passwords.hash('a', algorithm, signal);
  assert.equal(await passwords.verify('a\0a', { ...short, salt: '' }, algorithm, signal), false);
  await assert.rejects(passwords.hash('a\0a', algorithm, signal), /^UnhashableError: has a NUL/);
});

test('password hash: bcrypt leaves the main thread alone', async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const algorithm = { ...BASE, name: 'bcrypt' } as const;
  await Promise.all(Array.from({ length: 4 }, () => passwords.pretend('x', algorithm, signal)));
  clearInterval(timer);
  assert.ok(turns >= 5, `${turns} turns while four passwords were checked`);
});

test('password hash: who gives up does not wait, and closing refuses the rest', async () => {
  const own = new PasswordHashes();
  const algorithm = { ...BASE, name: 'bcrypt' } as const;
  const gone = new AbortController();
  const jobs = Array.from({ length: 6 }, () => own.pretend('x', algorithm, gone.signal));
  gone.abort(new Error('gone'));
  for (const job of jobs) await assert.rejects(job, /gone/);
  const last = own.pretend('x', algorithm, signal);
  await Promise.all([assert.rejects(last, /stopped/), own.close()]);
  await assert.rejects(own.pretend('x', algorithm, signal), /stopped/);
});

test('password hash: secrets of any length are compared', () => {
  assert.equal(isSameSecret('', ''), true);
  assert.equal(isSameSecret('a', ''), false);
  assert.equal(isSameSecret('a'.repeat(5000), 'a'.repeat(5000)), true);
});
