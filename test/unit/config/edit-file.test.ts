/** Replacing the configuration file, on file systems that refuse this or that. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { ConfigFile, type FileSystem, NotWritableError } from '../../../src/config/edit-file.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'nmg-edit-'));
  path = join(folder, 'config.json');
  fs.writeFileSync(path, 'before', { mode: 0o640 });
  fs.chmodSync(path, 0o640);
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const read = (name: string): string => fs.readFileSync(join(folder, name), 'utf8');

function failing(code: string, ...names: (keyof FileSystem)[]): FileSystem {
  const fail = (): never => {
    throw Object.assign(new Error(code), { code });
  };
  return { ...fs, ...Object.fromEntries(names.map((name) => [name, fail])) };
}

test('config file: it is replaced, with permissions, and nothing is left lying about', () => {
  new ConfigFile(path).write('after');
  assert.equal(read('config.json'), 'after');
  assert.equal(fs.statSync(path).mode & 0o777, 0o640);
  assert.deepEqual(fs.readdirSync(folder), ['config.json']);
});

test('config file: one that is not there reads as an empty one, and is made for its owner only', () => {
  fs.rmSync(path);
  const file = new ConfigFile(path);
  assert.deepEqual([file.isThere, file.isWritable, file.read()], [false, true, '{}\n']);
  assert.deepEqual(fs.readdirSync(folder), []);
  file.write('after');
  assert.deepEqual([file.isThere, file.read()], [true, 'after']);
  assert.equal(fs.statSync(path).mode & 0o777, 0o600);
  file.remove();
  assert.deepEqual(fs.readdirSync(folder), []);
});

test('config file: none is made in a folder that is read-only', () => {
  fs.rmSync(path);
  fs.chmodSync(folder, 0o500);
  const file = new ConfigFile(path);
  assert.equal(file.isWritable, false);
  assert.throws(() => file.write('after'), NotWritableError);
  assert.deepEqual(fs.readdirSync(folder), []);
});

test('config file: a symbolic link stays one', () => {
  const link = join(folder, 'link.json');
  fs.symlinkSync('config.json', link);
  new ConfigFile(link).write('after');
  assert.ok(fs.lstatSync(link).isSymbolicLink());
  assert.equal(read('config.json'), 'after');
});

for (const code of ['EBUSY', 'EXDEV']) {
  test(`config file: one that is mounted by itself (${code}) is overwritten in place, after a copy`, () => {
    const { ino } = fs.statSync(path);
    new ConfigFile(path, failing(code, 'renameSync')).write('after');
    assert.equal(read('config.json'), 'after');
    assert.equal(read('config.json.bak'), 'before');
    assert.equal(fs.statSync(path).ino, ino);
    assert.deepEqual(fs.readdirSync(folder).sort(), ['config.json', 'config.json.bak']);
  });
}

for (const [code, name] of [
  ['EROFS', 'openSync'],
  ['EACCES', 'accessSync'],
  ['EPERM', 'fchownSync'],
  ['EPERM', 'renameSync'],
] as const) {
  test(`config file: a refusal (${code} by ${name}) changes nothing`, () => {
    const system = failing(code, name);
    // Only of files of others is the owner to be kept.
    const statSync = ((file: string) => {
      const found = fs.statSync(file);
      return name === 'fchownSync' && file === path ? Object.assign(found, { uid: found.uid + 1 }) : found;
    }) as typeof fs.statSync;
    assert.throws(() => new ConfigFile(path, { ...system, statSync }).write('after'), NotWritableError);
    assert.equal(read('config.json'), 'before');
    assert.deepEqual(fs.readdirSync(folder), ['config.json']);
  });
}

test('config file: a full disk is told as it is, and changes nothing', () => {
  const system = failing('ENOSPC', 'fsyncSync');
  assert.throws(() => new ConfigFile(path, system).write('after'), { code: 'ENOSPC' });
  assert.equal(read('config.json'), 'before');
  assert.deepEqual(fs.readdirSync(folder), ['config.json']);
});

test('config file: whether it can be written shows in its permissions', () => {
  assert.equal(new ConfigFile(path).isWritable, true);
  fs.chmodSync(path, 0o440);
  assert.equal(new ConfigFile(path).isWritable, false);
  assert.throws(() => new ConfigFile(path).write('after'), NotWritableError);
});
