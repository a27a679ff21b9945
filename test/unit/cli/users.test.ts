/** The commands that keep users, without a process around them. */
import assert from 'node:assert/strict';
import { pbkdf2Sync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, test } from 'node:test';
import { hashSync } from 'bcryptjs';
import { createBuiltInAuthenticator } from '../../../src/auth/authenticators/built-in.ts';
import { parseAlgorithm } from '../../../src/auth/user-record.ts';
import { parseCommandLine } from '../../../src/cli/arguments.ts';
import { UsageError } from '../../../src/cli/flags.ts';
import { hashPasswordText } from '../../../src/cli/hash-password.ts';
import { readPassword } from '../../../src/cli/read-password.ts';
import { loadSettings } from '../../../src/cli/settings.ts';
import { usersText } from '../../../src/cli/users.ts';
import { authServices, credentials } from '../../support/credentials.ts';

const folder = mkdtempSync(join(tmpdir(), 'cli-users-'));
const services = authServices();
after(() => rmSync(folder, { recursive: true }));
after(() => services.close());
let files = 0;
const fresh = (): string => join(folder, `u${++files}.json`);

async function run(args: string, password = 'sesame'): Promise<string> {
  const invocation = parseCommandLine(args.split(' '));
  const readPassword = async () => password;
  return await usersText({ invocation, settings: async () => loadSettings(invocation, {}), readPassword });
}

async function canLogIn(usersFile: string, user: string, pass: string): Promise<boolean> {
  const settings = { users: [], usersFile, algorithm: parseAlgorithm({}) };
  const method = await createBuiltInAuthenticator(settings, services);
  const verdict = await method.authenticate(credentials({ user, pass }), new AbortController().signal);
  return verdict.kind === 'accept';
}

test('users: adds, lists, changes and deletes', async () => {
  const file = fresh();
  assert.match(await run(`users add ann --file ${file}`), /added "ann"/);
  await run(`users add root --superuser --algorithm pbkdf2 --file ${file}`, 'toor');
  assert.equal(await run(`users list --file ${file}`), '"ann"\n"root" superuser\n');
  assert.deepEqual(
    [await canLogIn(file, 'ann', 'sesame'), await canLogIn(file, 'root', 'toor')],
    [true, true],
  );
  await run(`users change root --algorithm sha512 --file ${file}`, 'new');
  assert.deepEqual(
    [await canLogIn(file, 'root', 'toor'), await canLogIn(file, 'root', 'new')],
    [false, true],
  );
  assert.match(await run(`users list --file ${file}`), /"root" superuser/, 'the rest of the user stays');
  await run(`users delete ann --file ${file}`);
  assert.equal(await canLogIn(file, 'ann', 'sesame'), false);
  assert.doesNotMatch(readFileSync(file, 'utf8'), /sesame|toor/);
});

test('users: what makes no sense changes nothing', async () => {
  const file = fresh();
  await run(`users add ann --file ${file}`);
  const before = readFileSync(file, 'utf8');
  await assert.rejects(run(`users add ann --file ${file}`), /there is a user "ann" already/);
  await assert.rejects(run(`users change bob --file ${file}`), /there is no user "bob"/);
  await assert.rejects(run(`users delete bob --file ${file}`), /there is no user "bob"/);
  await assert.rejects(run(`users add bob --algorithm sha3 --file ${file}`), UsageError);
  assert.equal(readFileSync(file, 'utf8'), before);
});

test('users: the file is that of the configuration', async () => {
  const file = fresh();
  const config = join(folder, 'config.json');
  writeFileSync(config, JSON.stringify({ authentication: [{ method: 'built_in', users_file: file }] }));
  await run(`users add ann -c ${config}`);
  assert.equal(await canLogIn(file, 'ann', 'sesame'), true);
  writeFileSync(config, '{}');
  await assert.rejects(run(`users list -c ${config}`), /names no users_file/);
});

const SHA256_OF_PASSWORD = '5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8';
const EXPORTS = [
  [
    'JSON',
    JSON.stringify([
      { user_id: 'ann', password_hash: SHA256_OF_PASSWORD, salt: 'word', is_superuser: true },
      { user_id: 'bob', password: 'plain', is_superuser: false },
    ]),
  ],
  [
    'CSV',
    `\ufeffuser_id,password_hash,salt,is_superuser,password\r\nann,${SHA256_OF_PASSWORD},"word",true,\r\n"bob",,,false,plain\r\n\r\n`,
  ],
] as const;
for (const [kind, text] of EXPORTS) {
  test(`users: imports what EMQX exports as ${kind}; who is there already is replaced`, async () => {
    const file = fresh();
    const source = join(folder, `export.${kind}`);
    writeFileSync(source, text);
    await run(`users add bob --file ${file}`, 'old');
    assert.match(await run(`users import ${source} --file ${file}`), /imported 2 users/);
    assert.equal(await run(`users list --file ${file}`), '"ann" superuser\n"bob"\n');
    const logins = [
      await canLogIn(file, 'ann', 'pass'),
      await canLogIn(file, 'bob', 'plain'),
      await canLogIn(file, 'bob', 'old'),
    ];
    assert.deepEqual(logins, [true, true, false]);
    assert.doesNotMatch(readFileSync(file, 'utf8'), /"plain"/);
  });
}

test('users: an import with an algorithm of its own', async () => {
  const source = join(folder, 'pbkdf2.json');
  const hash = pbkdf2Sync('pass', 'word', 10, 20, 'sha1').toString('hex');
  // What looks like a hash is a password here.
  const lookalike = hashSync('x', 4);
  writeFileSync(
    source,
    JSON.stringify([
      { user_id: 'ann', password_hash: hash, salt: 'word', is_superuser: false },
      { user_id: 'bob', password: lookalike, is_superuser: false },
    ]),
  );
  const file = fresh();
  const how = '--algorithm pbkdf2 --mac-fun sha --iterations 10 --dk-length 20';
  await run(`users import ${source} ${how} --file ${file}`);
  assert.equal(await canLogIn(file, 'ann', 'pass'), true);
  assert.equal(await canLogIn(file, 'bob', lookalike), true);
  assert.equal(await canLogIn(file, 'bob', 'x'), false);
});

test('users: a password that cannot be hashed lets nobody of the import in', async () => {
  const source = join(folder, 'long.csv');
  const long = 'p'.repeat(73);
  writeFileSync(source, `user_id,password\nann,short\nbob,${long}\n`);
  const file = fresh();
  await assert.rejects(run(`users import ${source} --algorithm bcrypt --file ${file}`), (error: Error) => {
    assert.match(error.message, /^line 3 of the export has a password that is longer than 72 bytes/);
    return !error.message.includes(long);
  });
  await run(`users import ${source} --file ${file}`);
  assert.equal(await canLogIn(file, 'bob', long), true);
});

test('users: an export that is none is refused without quoting it', async () => {
  const file = fresh();
  const source = join(folder, 'wrong.txt');
  for (const text of [
    '[{',
    '[1]',
    's3cret',
    '[{"user_id":"a","pw":"s3cret"}]',
    'user_id,password\n,s3cret',
  ]) {
    writeFileSync(source, text);
    const error = await run(`users import ${source} --file ${file}`).then(
      () => null,
      (reason: Error) => reason,
    );
    assert.ok(error !== null, text);
    assert.doesNotMatch(error.message, /s3cret/);
  }
});

test('hash-password: bcrypt unless told otherwise, and never the same twice', async () => {
  const hash = (args: string) => hashPasswordText(parseCommandLine(args.split(' ')), 'sesame');
  const [one, two] = [await hash('hash-password'), await hash('hash-password')];
  assert.match(one, /^\$2b\$10\$.{53}\n$/);
  assert.notEqual(one, two);
  const fields = JSON.parse(await hash('hash-password --algorithm sha256 --salt-position prefix')) as object;
  assert.deepEqual(Object.keys(fields), ['password_hash', 'salt', 'algorithm']);
});

test('hash-password: what bcrypt would cut off is refused, with a way out', async () => {
  const hash = (args: string) => hashPasswordText(parseCommandLine(args.split(' ')), 'x'.repeat(73));
  await assert.rejects(hash('hash-password'), {
    name: 'UsageError',
    message: /^the password is longer than 72 bytes.*another algorithm$/,
  });
  assert.match(await hash('hash-password --algorithm pbkdf2'), /"password_hash"/);
});

test('passwords come from the first line of standard input', async () => {
  const from = async (text: string) => {
    const stdin = new PassThrough();
    stdin.end(text);
    return await readPassword({ stdin: stdin as unknown as NodeJS.ReadStream, stderr: process.stderr });
  };
  assert.equal(await from('sesame\nmore\n'), 'sesame');
  assert.equal(await from('ünder score\r\n'), 'ünder score');
  assert.equal(await from('no end'), 'no end');
  await assert.rejects(from(''), /empty/);
  await assert.rejects(from('\n'), /empty/);
  await assert.rejects(from('x'.repeat(5000)), /longer/);
});
