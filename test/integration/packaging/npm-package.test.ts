/** What would be published: its contents, and that it works in an empty folder, as a program and as a library with types. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { ask } from '../../support/admin.ts';
import { connectNats } from '../../support/nats.ts';
import { ManagedProcess } from '../../support/processes.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const LIMIT_MS = 120_000;
/** Packed, 590 KB as of 0.1.0: mostly the dashboard, and a file and its types for each of the sources. */
const MAX_PACKED_BYTES = 800_000;

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

let folder: string;
let packed: Packed;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nmg-package-'));
  // Without its scripts: the build is there already, and other tests use it meanwhile.
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const [result] = JSON.parse((await run('npm', pack, ROOT)).stdout) as Packed[];
  assert.ok(result !== undefined);
  packed = result;
  await mkdir(join(folder, 'app'));
  await writeFile(join(folder, 'app', 'package.json'), '{ "private": true, "type": "module" }');
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  await run('npm', [...install, join(folder, packed.filename)], join(folder, 'app'));
});

after(() => rm(folder, { recursive: true }));

async function run(program: string, args: readonly string[], cwd: string): Promise<ManagedProcess> {
  const child = new ManagedProcess({ path: program, args, cwd });
  const limit = setTimeout(() => child.signal('SIGKILL'), LIMIT_MS);
  const { code } = await child.exited;
  clearTimeout(limit);
  assert.equal(code, 0, `${program} ${args.join(' ')}:\n${child.stdout}${child.stderr}`);
  return child;
}

test('package: holds the program, its types, the dashboard and the licences, and nothing of development', async () => {
  const paths = packed.files.map(({ path }) => path);
  for (const path of [
    'LICENSE',
    'README.md',
    'CHANGELOG.md',
    'package.json',
    'dist/main.js',
    'dist/worker.js',
    'dist/gateway.d.ts',
    'dist/dashboard/index.html',
    'dist/dashboard/third-party-licenses.txt',
  ]) {
    assert.ok(paths.includes(path), path);
  }
  const strange = paths.filter(
    (path) =>
      !/^(?:dist|docs)\//.test(path) &&
      !/^(?:LICENSE|README\.md|CHANGELOG\.md|package\.json|config\.json)$/.test(path),
  );
  assert.deepEqual(strange, []);
  for (const path of paths) {
    assert.doesNotMatch(path, /\.test\.|\.map$|(?<!\.d)\.tsx?$|\/test\//);
  }
  // What is left of sources that are gone may lie in dist of a working copy, but is not published.
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  assert.match(scripts.prepack ?? '', /^node -e "fs\.rmSync\('dist', .*&& npm run build/);
  assert.ok(packed.size < MAX_PACKED_BYTES, `${packed.size} bytes`);
});

test('package: publint has nothing to say', async () => {
  const pkgDir = join(folder, 'app', 'node_modules', 'nats-mqtt-gateway');
  const { messages, pkg } = await publint({ pkgDir, strict: true, pack: false });
  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg)),
    [],
  );
});

test('package: the licences of what the dashboard contains are in it', async () => {
  const text = await readFile(join(ROOT, 'dist/dashboard/third-party-licenses.txt'), 'utf8');
  for (const name of ['preact', 'uplot']) {
    const licence = await readFile(join(ROOT, 'node_modules', name, 'LICENSE'), 'utf8');
    assert.ok(text.includes(licence), name);
  }
});

test('package: starts in an empty folder, serves clients and the dashboard', async () => {
  const listener = [{ name: 'tcp', type: 'tcp', bind: '127.0.0.1:0' }];
  const gateway = new ManagedProcess({
    path: join(folder, 'app', 'node_modules', '.bin', 'nats-mqtt-gateway'),
    args: [
      ...['--set', `listeners=${JSON.stringify(listener)}`, '--set', 'http.bind=127.0.0.1:0'],
      ...['--set', 'upstream.embedded_bind=127.0.0.1:0', '--log-format', 'json'],
    ],
    cwd: join(folder, 'app'),
  });
  try {
    await gateway.untilOutput(/"event":"process.ready"/);
    const address = /"addresses":\["(nats:[^"]+)"/.exec(gateway.stdout)?.[1];
    const page = /"event":"admin.started","url":"([^"]+)"/.exec(gateway.stdout)?.[1];
    const client = await connectNats(String(address));
    await client.close();
    const { status, text } = await ask(`${page}/`);
    assert.equal(status, 200);
    assert.match(text, /<script type="module"/);
  } finally {
    assert.deepEqual(await gateway.end(), { code: 0, signal: null });
  }
});

const CONSUMER = `
import { createGateway, loadConfig, type Config, type GatewayOptions } from 'nats-mqtt-gateway';
const config: Config = loadConfig({ env: {}, flags: {
  listeners: [{ name: 'tcp', type: 'tcp', bind: '127.0.0.1:0' }],
  upstream: { embedded_bind: '127.0.0.1:0' },
} });
const options: GatewayOptions = {};
const gateway = createGateway(config, options);
await gateway.start();
const port: number | undefined = gateway.addresses()[0]?.port;
console.log(typeof port);
await gateway.stop({ drain: true });
// @ts-expect-error there is no such option
void gateway.stop({ drian: true });
`;

test('library: a strict TypeScript program compiles against its types, and runs', async () => {
  const app = join(folder, 'app');
  await writeFile(join(app, 'consumer.ts'), CONSUMER);
  await mkdir(join(app, 'node_modules', '@types'), { recursive: true });
  // What every TypeScript program on Node.js has installed.
  for (const name of ['@types/node', 'undici-types']) {
    const target = join(app, 'node_modules', name);
    if (!existsSync(target)) await symlink(join(ROOT, 'node_modules', name), target);
  }
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2023',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types: ['node'],
  };
  await writeFile(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }));
  await run(join(ROOT, 'node_modules', '.bin', 'tsc'), ['-p', app], app);
  const { stdout } = await run(process.execPath, ['consumer.js'], app);
  assert.equal(stdout, 'number\n');
});
