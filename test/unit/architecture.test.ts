/**
 * Who may import whom, as data. Everything not listed is denied: a new folder, a new package or a new direction has to
 * be decided here first. src/README.md explains the layers.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, sep } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));

/** Rules of one folder of src/, or of one file directly in it. Its own folder is always allowed. */
interface Rule {
  /** Folders and files of src/ it may import. */
  readonly may: readonly string[];
  /** Those of which it may import types only. */
  readonly types: readonly string[];
  /** Packages of npm. */
  readonly packages: readonly string[];
  /** Built-in modules of Node.js. */
  readonly builtIns: readonly string[];
  /** Neither timers, clock, process nor console: the same input gives the same output. */
  readonly isPure: boolean;
}

const LEAVES = ['errors.ts', 'close-reason.ts'];
/** What even the codecs may have of `util`. */
const BYTES = ['util/byte-range.ts', 'util/output-buffer.ts'];

const rule = (parts: Partial<Rule>): Rule => ({
  may: [],
  types: [],
  packages: [],
  builtIns: [],
  isPure: false,
  ...parts,
});

/** Whoever builds everything may know everything. */
const COMPOSED = [
  'config',
  'control',
  'metrics',
  'auth',
  'session',
  'upstream',
  'tls',
  'transport',
  'translation',
  'nats',
  'mqtt',
  'util',
  ...LEAVES,
];

const RULES: Readonly<Record<string, Rule>> = {
  'close-reason.ts': rule({ isPure: true }),
  'errors.ts': rule({ types: ['close-reason.ts'], isPure: true }),
  util: rule({ packages: ['pino', 'pino-pretty'], builtIns: ['node:fs'] }),
  nats: rule({ may: ['errors.ts', ...BYTES], builtIns: ['node:buffer'], isPure: true }),
  mqtt: rule({ may: ['errors.ts', ...BYTES], builtIns: ['node:buffer'], isPure: true }),
  translation: rule({ may: ['nats', 'mqtt', 'errors.ts', 'util'], builtIns: ['node:buffer'], isPure: true }),
  config: rule({
    // Those of auth/ are pure: users, permissions and templates are written in the same way everywhere.
    may: [
      'errors.ts',
      'nats',
      'mqtt',
      'auth/user-record.ts',
      'auth/permission-format.ts',
      'auth/credential-template.ts',
      'auth/query-template.ts',
      'auth/redis-command.ts',
    ],
    types: ['util', 'auth/permissions.ts', 'auth/password-hash.ts'],
    packages: ['convict', 'jsonc-parser'],
    builtIns: ['node:crypto', 'node:fs', 'node:os', 'node:path', 'node:net', 'node:util'],
  }),
  metrics: rule({ may: ['util'], types: ['close-reason.ts'], builtIns: ['node:perf_hooks'] }),
  // What an operator sees and may do: types, the few lists they are made of, and what is done with them everywhere.
  control: rule({ types: ['config', 'metrics', 'close-reason.ts'], isPure: true }),
  admin: rule({
    // Passwords of administrators are kept, checked and guessed like those of clients; users are kept, and credentials tried
    // out, by the same code that lets clients in.
    may: [
      'control',
      'metrics',
      'config',
      'tls',
      'util',
      'auth/failure-delay.ts',
      'auth/password-hash.ts',
      'auth/registry.ts',
      'auth/user-record.ts',
      'auth/user-list.ts',
      'auth/users-export.ts',
      'auth/users-file.ts',
      'auth/hashed-password.ts',
      'translation/filter-subjects.ts',
      'translation/subject-topic.ts',
      ...LEAVES,
    ],
    types: ['auth'],
    packages: ['fastify', '@fastify/static', '@fastify/swagger', 'prom-client'],
    builtIns: [
      'node:crypto',
      'node:fs',
      'node:fs/promises',
      'node:http',
      'node:https',
      'node:net',
      'node:os',
      'node:path',
      'node:perf_hooks',
      'node:url',
    ],
  }),
  // Runs in the browser: of the gateway it knows what the API says, and no more. `vite` and node:url are of its build.
  dashboard: rule({
    types: ['admin/api-types.ts', 'control', 'metrics'],
    packages: ['preact', 'uplot', 'vite'],
    builtIns: ['node:url'],
  }),
  auth: rule({
    may: ['nats', 'metrics', 'util', ...LEAVES],
    types: ['config'],
    packages: ['bcryptjs', 'ioredis', 'jose', 'lru-cache', 'mysql2', 'pg'],
    builtIns: [
      'node:crypto',
      'node:fs',
      'node:fs/promises',
      'node:http',
      'node:https',
      'node:net',
      'node:os',
      'node:path',
      'node:tls',
      'node:util',
      'node:worker_threads',
    ],
  }),
  // Of mqtt/ it needs the reason codes of acknowledgements and the check of strings; both are pure.
  session: rule({
    may: ['nats', 'mqtt', 'translation', 'auth', 'control', 'metrics', 'util', ...LEAVES],
    builtIns: ['node:crypto'],
  }),
  upstream: rule({
    may: ['mqtt', 'metrics', 'tls', 'util', ...LEAVES],
    types: ['session/ports.ts'],
    packages: ['mqtt', 'mqtt-packet', 'ws', 'aedes'],
    builtIns: ['node:crypto', 'node:events', 'node:net', 'node:stream', 'node:tls'],
  }),
  // The one place that reads certificates and keys, for whoever speaks TLS.
  tls: rule({
    may: ['util', 'errors.ts'],
    types: ['auth'],
    builtIns: ['node:crypto', 'node:fs', 'node:fs/promises', 'node:tls'],
  }),
  transport: rule({
    may: ['nats', 'metrics', 'control', 'tls', 'util', ...LEAVES],
    types: ['session/ports.ts'],
    packages: ['ws'],
    builtIns: ['node:crypto', 'node:http', 'node:net', 'node:stream', 'node:tls'],
  }),
  cli: rule({
    may: [
      'config',
      'util',
      'translation',
      'nats',
      'tls',
      'errors.ts',
      'gateway.ts',
      'cluster',
      // For the commands that keep users.
      'auth/users-file.ts',
      'auth/users-export.ts',
      'auth/user-list.ts',
      'auth/user-record.ts',
      'auth/hashed-password.ts',
      'auth/password-hash.ts',
      // For `check`.
      'auth/check-access.ts',
    ],
    types: ['metrics', 'control'],
    builtIns: ['node:events', 'node:fs', 'node:http', 'node:https', 'node:path', 'node:url', 'node:util'],
  }),
  // The primary serves no clients: of what serves them it needs the broker for trials, and a server id to hand out.
  cluster: rule({
    may: [
      'config',
      'control',
      'metrics',
      'util',
      'session/server-id.ts',
      'session/server-info.ts',
      'session/tap-hub.ts',
      'session/tap-stream.ts',
      'upstream/embedded-broker.ts',
      ...LEAVES,
    ],
    types: ['gateway.ts', 'transport', 'upstream'],
    builtIns: ['node:cluster'],
  }),
  // The parts of the composition root.
  gateway: rule({ may: COMPOSED, builtIns: ['node:util'] }),
  'gateway.ts': rule({ may: [...COMPOSED, 'gateway'] }),
  'worker.ts': rule({ may: ['cluster', 'gateway.ts', 'util'], builtIns: ['node:cluster'] }),
  'main.ts': rule({
    may: ['admin/server.ts', 'cli', 'config', 'gateway.ts', 'util', ...LEAVES],
    types: ['control'],
    builtIns: ['node:fs', 'node:path', 'node:url', 'node:util'],
  }),
};

/** Packages that one file only may import. */
const ONE_FILE_PACKAGES: Readonly<Record<string, string>> = {
  pino: 'util/logger.ts',
  'pino-pretty': 'util/logger.ts',
  aedes: 'upstream/embedded-broker.ts',
  bcryptjs: 'auth/bcrypt-pool.ts',
  mysql2: 'auth/authenticators/mysql.ts',
  pg: 'auth/authenticators/postgresql.ts',
  vite: 'dashboard/vite.config.ts',
};

/** Where the environment of the process may be read. */
const MAY_READ_ENVIRONMENT = /^(config\/|cli\/|main\.ts$)/;

interface Import {
  /** Path in src/ such as `nats/parser.ts`. */
  readonly file: string;
  readonly specifier: string;
  readonly isTypeOnly: boolean;
}

const sources = new Map(
  readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .sort()
    .map((name) => [name.split(sep).join('/'), withoutComments(readFileSync(join(SRC, name), 'utf8'))]),
);

/** Blanks comments out, but not what only looks like one inside a string. */
function withoutComments(text: string): string {
  const tokens = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
  return text.replace(tokens, (token) => (token.startsWith('/') ? '' : token));
}

function importsOf(file: string, text: string): Import[] {
  const found: Import[] = [];
  for (const match of text.matchAll(/^(?:import|export)\b([^;'"]*?)\bfrom\s*['"]([^'"]+)['"]/gm)) {
    found.push({ file, specifier: match[2] ?? '', isTypeOnly: isTypeOnly(match[1] ?? '') });
  }
  for (const match of text.matchAll(/^import\s*['"]([^'"]+)['"]/gm)) {
    found.push({ file, specifier: match[1] ?? '', isTypeOnly: false });
  }
  for (const match of text.matchAll(/\b(?:import|require)\s*\(\s*['"`]([^'"`]+)['"`]/g)) {
    found.push({ file, specifier: match[1] ?? '', isTypeOnly: false });
  }
  return found;
}

/** `import type { … }`, or braces in which every name is marked `type`. */
function isTypeOnly(clause: string): boolean {
  if (/^\s*type\b/.test(clause)) return true;
  const names = /^\s*\{([^}]*)\}\s*$/.exec(clause)?.[1];
  if (names === undefined) return false;
  const parts = names.split(',').map((name) => name.trim());
  return parts.filter((name) => name !== '').every((name) => name.startsWith('type '));
}

/** The key of {@link RULES} that a file of src/ falls under. */
function part(file: string): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : file;
}

/** `convict` of `convict`, `@scope/name` of `@scope/name/sub`. */
function packageName(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

function isListed(list: readonly string[], target: string): boolean {
  return list.includes(target) || list.includes(part(target));
}

/** @returns what is wrong with an import, or null */
function complaint(found: Import): string | null {
  const own = RULES[part(found.file)];
  if (own === undefined) return `${found.file}: src/${part(found.file)} has no rule`;
  if (found.specifier.startsWith('.')) return complaintOnOwn(found, own);
  if (found.specifier.startsWith('node:')) return complaintOnBuiltIn(found, own);
  const name = packageName(found.specifier);
  const onlyFile = ONE_FILE_PACKAGES[name];
  if (onlyFile !== undefined && onlyFile !== found.file) {
    return `${found.file}: only ${onlyFile} may import ${name}`;
  }
  return own.packages.includes(name) ? null : `${found.file}: may not import ${name}`;
}

function complaintOnOwn({ file, specifier, isTypeOnly }: Import, own: Rule): string | null {
  if (!/\.tsx?$/.test(specifier)) return `${file}: '${specifier}' does not end in .ts or .tsx`;
  const target = normalize(join(dirname(file), specifier))
    .split(sep)
    .join('/');
  if (target.includes('/') && part(target) === part(file)) return null;
  if (isListed(own.may, target)) return null;
  if (!isListed(own.types, target)) return `${file}: may not import ${target}`;
  return isTypeOnly ? null : `${file}: types only of ${target}`;
}

/** A type leaves no trace in the program, so the shapes of Node.js are free for everyone but the pure parts. */
function complaintOnBuiltIn({ file, specifier, isTypeOnly }: Import, own: Rule): string | null {
  const isAllowed = own.builtIns.includes(specifier) || (isTypeOnly && !own.isPure);
  return isAllowed ? null : `${file}: may not import ${specifier}`;
}

const imports = [...sources].flatMap(([file, text]) => importsOf(file, text));

test('architecture: every import is one that its folder may make', () => {
  assert.ok(imports.length > 50, `only ${imports.length} imports were found`);
  assert.deepEqual(imports.map(complaint).filter(Boolean), []);
});

test('architecture: every file of src/ has a rule', () => {
  assert.deepEqual(
    [...sources.keys()].filter((file) => RULES[part(file)] === undefined),
    [],
  );
});

test('architecture: pure folders have no timers, clock, process, console or network', () => {
  const impure =
    /\b(?:set(?:Timeout|Interval|Immediate)|queueMicrotask|process|console|performance|fetch|Date\.now|new Date|Math\.random)\b(?=\s*[.(])/;
  const found = [...sources]
    .filter(([file]) => RULES[part(file)]?.isPure)
    .map(([file, text]) => [file, impure.exec(text)?.[0]])
    .filter(([, word]) => word !== undefined);
  assert.deepEqual(found, []);
});

test('architecture: the environment is read in config, cli and main.ts only', () => {
  const found = [...sources].filter(
    ([file, text]) => /\bprocess\.env\b/.test(text) && !MAY_READ_ENVIRONMENT.test(file),
  );
  assert.deepEqual(
    found.map(([file]) => file),
    [],
  );
});

test('architecture: no file only passes on what others export', () => {
  const barrels = [...sources].filter(([file, text]) => {
    const code = text.replace(/^export\b[^;'"]*\bfrom\s*['"][^'"]+['"];?/gm, '').trim();
    return code === '' || /(^|\/)index\.ts$/.test(file);
  });
  assert.deepEqual(
    barrels.map(([file]) => file),
    [],
  );
});

const SAMPLES: [name: string, file: string, text: string, expected: string | null][] = [
  ['own folder', 'nats/a.ts', "import { b } from './b.ts';", null],
  ['listed folder', 'session/handlers/a.ts', "import { b } from '../../nats/b.ts';", null],
  ['leaf', 'nats/a.ts', "import { GatewayError } from '../errors.ts';", null],
  [
    'other leaf',
    'nats/a.ts',
    "import type { C } from '../close-reason.ts';",
    'nats/a.ts: may not import close-reason.ts',
  ],
  [
    'unlisted folder',
    'nats/a.ts',
    "import { b } from '../mqtt/b.ts';",
    'nats/a.ts: may not import mqtt/b.ts',
  ],
  ['type of a types-only folder', 'auth/a.ts', "import type { B } from '../config/b.ts';", null],
  ['marked type', 'auth/a.ts', "import { type B, type C } from '../config/b.ts';", null],
  [
    'value',
    'auth/a.ts',
    "import { type B, c } from '../config/b.ts';",
    'auth/a.ts: types only of config/b.ts',
  ],
  ['types of one file', 'transport/a.ts', "import type { P } from '../session/ports.ts';", null],
  [
    'another file',
    'transport/a.ts',
    "import type { P } from '../session/x.ts';",
    'transport/a.ts: may not import session/x.ts',
  ],
  [
    'over several lines',
    'nats/a.ts',
    "import {\n  b,\n} from '../upstream/b.ts';",
    'nats/a.ts: may not import upstream/b.ts',
  ],
  [
    're-export',
    'nats/a.ts',
    "export { b } from '../session/b.ts';",
    'nats/a.ts: may not import session/b.ts',
  ],
  ['side effect', 'nats/a.ts', "import '../session/b.ts';", 'nats/a.ts: may not import session/b.ts'],
  ['at run time', 'session/a.ts', "const m = await import('mqtt');", 'session/a.ts: may not import mqtt'],
  ['socket', 'session/a.ts', "import net from 'node:net';", 'session/a.ts: may not import node:net'],
  ['type of a built-in', 'upstream/a.ts', "import type { Agent } from 'node:https';", null],
  [
    'the same in a pure folder',
    'nats/a.ts',
    "import type { Socket } from 'node:net';",
    'nats/a.ts: may not import node:net',
  ],
  ['package in its file', 'util/logger.ts', "import('pino')", null],
  [
    'package elsewhere',
    'util/clock.ts',
    "import('pino')",
    'util/clock.ts: only util/logger.ts may import pino',
  ],
  ['no extension', 'nats/a.ts', "import { b } from './b';", "nats/a.ts: './b' does not end in .ts or .tsx"],
  ['component', 'dashboard/a.tsx', "import { B } from './parts/b.tsx';", null],
  [
    'value for the browser',
    'dashboard/a.tsx',
    "import { b } from '../control/b.ts';",
    'dashboard/a.tsx: types only of control/b.ts',
  ],
  ['new folder', 'fresh/a.ts', "import { b } from './b.ts';", 'fresh/a.ts: src/fresh has no rule'],
];
for (const [name, file, text, expected] of SAMPLES) {
  test(`architecture: judges ${name} (${text.replaceAll('\n', ' ')} in ${file})`, () => {
    const [found, ...more] = importsOf(file, withoutComments(text));
    assert.ok(found !== undefined && more.length === 0);
    assert.equal(complaint(found), expected);
  });
}

test('architecture: does not take comments and strings for imports', () => {
  const text = "// import { a } from './a.ts';\n/* import('x') */\nconst s = `//`; // import './b.ts';\n";
  assert.deepEqual(importsOf('nats/a.ts', withoutComments(text)), []);
});
