/** Image, compose stack, Kubernetes and systemd files: what can be said about them without an engine that runs them. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { EXIT } from '../../../src/cli/exit-codes.ts';
import type { Config } from '../../../src/config/config.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { Networks } from '../../../src/transport/networks.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const VERSION = (JSON.parse(read('package.json')) as { version: string }).version;

interface Service {
  readonly image: string;
  readonly build?: string;
  readonly read_only?: boolean;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly profiles?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: object;
  readonly stop_grace_period?: string;
  readonly networks?: { readonly balanced?: { readonly ipv4_address: string } };
}

interface Range {
  readonly subnet: string;
  readonly ip_range: string;
}

interface Compose {
  readonly networks: { readonly balanced: { readonly ipam: { readonly config: readonly [Range] } } };
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const compose = parse(read('docker-compose.yml'), { merge: true }) as Compose;
const services = Object.entries(compose.services);

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Loads a configuration as the program does; its password files are replaced by one that exists. */
function load(json: string, env: NodeJS.ProcessEnv = {}): Config {
  const folder = mkdtempSync(join(tmpdir(), 'nmg-deploy-'));
  try {
    const secret = join(folder, 'secret');
    writeFileSync(secret, 'a password\n');
    const file = join(folder, 'config.json');
    writeFileSync(file, json.replaceAll(/"\/run\/secrets\/[^"]+"/g, JSON.stringify(secret)));
    return loadConfig({ file, env, flags: {} });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('Dockerfile: pinned bases, a numeric user, exec form, the program itself as first process', () => {
  for (const file of ['Dockerfile', 'deploy/demo/Dockerfile']) {
    const text = read(file);
    for (const [, image] of text.matchAll(/^FROM (?:--platform=\S+ )?(\S+)/gm))
      assert.match(String(image), /^node:\d+\.\d+\.\d+-bookworm-slim$/);
    assert.match(text, /^USER 10001:10001$/m);
    assert.match(text, /^STOPSIGNAL SIGTERM$/m);
    assert.match(text, /^ENTRYPOINT \["node"/m);
    assert.doesNotMatch(text, /^(?:CMD|ENTRYPOINT).*npm/m);
  }
  const text = read('Dockerfile');
  assert.match(text, /CMD \["node", "\/opt\/nats-mqtt-gateway\/dist\/main\.js", "healthcheck"\]/);
  assert.match(text, new RegExp(`^ARG VERSION=${VERSION}$`, 'm'));
  assert.match(text, /npm prune --omit=dev/);
});

test('Dockerfile: everything that it copies is there and not ignored', () => {
  const ignored = read('.dockerignore').split('\n');
  for (const [, list = ''] of read('Dockerfile').matchAll(/^COPY (?!--from)(.+)$/gm)) {
    for (const path of list.split(' ').slice(0, -1)) {
      const name = path.replace('./', '');
      assert.ok(existsSync(join(ROOT, name)), name);
      assert.ok(
        ignored.some((line) => line.startsWith('!') && `${name}/`.startsWith(`${line.slice(1)}/`)),
        name,
      );
    }
  }
});

test('compose: every service is hardened, pinned, and published on this machine only', () => {
  assert.ok(services.length > 8);
  for (const [name, service] of services) {
    assert.deepEqual(service.cap_drop, ['ALL'], name);
    assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name);
    // EMQX writes into its own folders.
    if (!name.startsWith('emqx')) assert.equal(service.read_only, true, name);
    assert.match(service.image, /:v?\d+\.\d+\.\d+$/, name);
    for (const port of service.ports ?? []) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/, name);
  }
  const published = services.flatMap(([, { ports = [] }]) => ports.map((port) => port.split(':')[1]));
  assert.equal(new Set(published).size, published.length, 'a port is published twice');
});

test('compose: whoever is waited for has a health check', () => {
  for (const [name, { depends_on = {} }] of services) {
    for (const [needed, { condition }] of Object.entries(depends_on)) {
      assert.equal(condition, 'service_healthy', `${name} → ${needed}`);
      const service = compose.services[needed];
      assert.ok(service !== undefined, needed);
      // The image of the gateway brings one along.
      const hasOwn = service.healthcheck !== undefined || service.image.startsWith('nats-mqtt-gateway:');
      assert.ok(hasOwn, needed);
    }
  }
});

test('compose: profiles, files and secrets are what the comments promise', () => {
  const profiles = new Set(services.flatMap(([, service]) => service.profiles ?? []));
  assert.deepEqual([...profiles].sort(), ['demo', 'mosquitto', 'scale']);
  const usual = services.filter(([, service]) => service.profiles === undefined).map(([name]) => name);
  assert.deepEqual(usual, ['emqx', 'gateway', 'prometheus', 'grafana']);
  for (const [name, service] of services) {
    for (const volume of service.volumes ?? []) {
      const source = volume.split(':')[0] ?? '';
      if (source.startsWith('.')) assert.ok(existsSync(join(ROOT, source)), `${name}: ${source}`);
    }
    for (const secret of service.secrets ?? []) assert.ok(secret in compose.secrets, `${name}: ${secret}`);
  }
  const script = read('deploy/compose/make-secrets.sh');
  for (const name of Object.keys(compose.secrets)) assert.ok(script.includes(name), name);
  assert.match(read('.gitignore'), /^deploy\/compose\/secrets\/$/m);
});

test('configurations of image and compose stack: the program takes them', () => {
  const image = load(read('deploy/docker/config.jsonc'));
  assert.equal(image.listeners[0]?.host, '0.0.0.0');
  const url = { NATSMQTT_UPSTREAM__URL: 'mqtt://emqx:1883' };
  const stack = load(read('deploy/compose/gateway.jsonc'), url);
  assert.equal(stack.upstream.url, 'mqtt://emqx:1883');
  assert.deepEqual(stack.http.address, { host: '0.0.0.0', port: 8222 });
  const { environment } = compose.services['gateway-replica'] ?? {};
  const [listener, ...others] = load(read('deploy/compose/gateway.jsonc'), environment).listeners;
  assert.deepEqual(others, []);
  const [range] = compose.networks.balanced.ipam.config;
  const from = listener?.proxyProtocol?.from ?? [];
  assert.deepEqual(from, [compose.services.balancer?.networks?.balanced?.ipv4_address]);
  const [address = ''] = from;
  assert.ok(
    new Networks([range.subnet]).has(address) && !new Networks([range.ip_range]).has(address),
    address,
  );
  assert.equal(compose.services.gateway?.stop_grace_period, '30s');
  assert.ok(stack.shutdownTimeoutMs < 30_000);
});

interface KubernetesObject {
  readonly kind: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly template?: { readonly spec: { readonly initContainers: readonly Container[] } };
  };
}

interface Container {
  readonly restartPolicy: string;
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
}

interface Probe {
  readonly httpGet: { readonly path: string };
}

test('Kubernetes: the sidecar is native, asks the right pages, and its configuration is taken', () => {
  const documents = parseAllDocuments(read('deploy/kubernetes/sidecar.yaml'), { merge: true });
  const objects = documents.map((document) => document.toJS() as KubernetesObject);
  const deployment = objects.find(({ kind }) => kind === 'Deployment');
  const sidecar = deployment?.spec?.template?.spec.initContainers[0];
  assert.ok(sidecar !== undefined);
  assert.equal(sidecar.restartPolicy, 'Always');
  const probes = [sidecar.startupProbe, sidecar.livenessProbe, sidecar.readinessProbe];
  assert.deepEqual(
    probes.map(({ httpGet }) => httpGet.path),
    ['/livez', '/livez', '/readyz'],
  );
  const map = objects.find(({ kind }) => kind === 'ConfigMap');
  const config = load(map?.data?.['gateway.json'] ?? '');
  assert.equal(config.upstream.url, 'mqtt://127.0.0.1:1883');
});

test('Helm chart: has the version of the program', () => {
  const chart = parse(read('deploy/helm/nats-mqtt-gateway/Chart.yaml')) as Record<string, string>;
  assert.deepEqual([chart.version, chart.appVersion], [VERSION, VERSION]);
});

test('systemd: does not restart what cannot get better, and waits for the drain', () => {
  const unit = read('deploy/systemd/nats-mqtt-gateway.service');
  const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1];
  assert.equal(value('RestartPreventExitStatus'), `${EXIT.usage} ${EXIT.configuration}`);
  assert.equal(value('Type'), 'exec');
  assert.equal(value('ExecReload'), '/bin/kill -HUP $MAINPID');
  assert.ok(Number(value('TimeoutStopSec')) * 1000 > load('{}').shutdownTimeoutMs);
  for (const key of ['DynamicUser', 'NoNewPrivileges']) assert.equal(value(key), 'yes');
});
