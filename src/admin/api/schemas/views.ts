/** Schemas of what can be seen: status, clients, listeners, the way to the broker, certificates, audit. */

import type { ClientDetail, PermissionsView, SubscriptionView } from '../../../control/client-view.ts';
import type {
  CertificateView,
  GatewayIdentity,
  ListenerView,
  Readiness,
  UpstreamView,
} from '../../../control/gateway-control.ts';
import type { GatewayOverview, ProcessStatus, WorkerStatus } from '../../../metrics/gateway-view.ts';
import type { ProcessFigures } from '../../../metrics/process-figures.ts';
import type { SubscriptionCounts } from '../../../metrics/subscription-gauge.ts';
import type { UpstreamUsage } from '../../../metrics/upstream-usage.ts';
import type { AuditBody, ClientsBody, KickedBody, StatusBody } from '../../api-types.ts';
import {
  count,
  counts,
  flag,
  list,
  number,
  object,
  orNull,
  record,
  type Schema,
  text,
  time,
  word,
} from './schema.ts';

const names = object<PermissionsView['publish']>({ allow: list(text), deny: list(text) });

const subscription = object<SubscriptionView>({
  cid: count,
  subject: text,
  queue: text,
  sid: text,
  messages: count,
  max: count,
});

/** A client with all that is known of it. */
export const clientDetail = object<ClientDetail>({
  cid: count,
  worker: count,
  state: word('greeted', 'authenticating', 'connecting', 'ready', 'closed'),
  listener: text,
  transport: word('tcp', 'ws'),
  address: text,
  port: count,
  startMs: number,
  lastActivityMs: number,
  stopMs: orNull(number),
  reason: orNull(text),
  rttMs: orNull(number),
  pendingBytes: count,
  inMessages: count,
  outMessages: count,
  inBytes: count,
  outBytes: count,
  subscriptions: count,
  name: text,
  lang: text,
  version: text,
  user: text,
  method: text,
  account: text,
  tls: orNull(
    object<NonNullable<ClientDetail['tls']>>({ version: text, cipher: text, subject: orNull(text) }),
  ),
  mqttClientId: text,
  mountpoint: text,
  expiresMs: orNull(number),
  subscriptionList: list(subscription),
  permissions: orNull(object<PermissionsView>({ publish: names, subscribe: names })),
});

export const clientsBody = object<ClientsBody>({
  total: count,
  offset: count,
  limit: count,
  clients: list(clientDetail),
});

export const kickedBody = object<KickedBody>({ kicked: count });

const usage = object<UpstreamUsage>({
  clients: count,
  sessions: count,
  filters: count,
  unacknowledged: count,
  waiting: count,
});

const processStatus: { readonly [Name in keyof ProcessStatus]: Schema } = {
  connections: count,
  subscriptions: object<SubscriptionCounts>({ plain: count, queue: count }),
  upstream: usage,
  pendingBytes: count,
  process: object<ProcessFigures>({
    cpuSeconds: number,
    residentBytes: count,
    heapUsedBytes: count,
    eventLoop: object<ProcessFigures['eventLoop']>({ p50Ms: number, p99Ms: number, maxMs: number }),
  }),
  counters: record,
};

const workerStatus = object<WorkerStatus>({
  ...processStatus,
  worker: count,
  pid: orNull(count),
  uptimeMs: number,
  restarts: count,
  isCurrent: flag,
});

export const statusBody = object<StatusBody>({
  identity: object<GatewayIdentity>({
    serverId: text,
    serverName: text,
    version: text,
    natsVersion: text,
    startMs: number,
  }),
  readiness: object<Readiness>({ isReady: flag, reasons: list(text), isLameDuck: flag }),
  nowMs: number,
  overview: object<GatewayOverview>({ ...processStatus, restarts: count, workers: list(workerStatus) }),
  memoryBytes: count,
  cpuPercent: number,
  latency: object<StatusBody['latency']>({
    eventLoopP50: orNull(number),
    eventLoopP99: orNull(number),
    publishP50: orNull(number),
    publishP99: orNull(number),
  }),
  warnings: list(text),
});

export const listenerView = object<ListenerView>({
  name: text,
  type: word('tcp', 'tls', 'ws', 'wss'),
  host: text,
  port: count,
  state: word('listening', 'closed'),
  connections: count,
  maxConnections: count,
  accepted: count,
  rejected: counts,
  isAuthenticated: flag,
  mountpoint: text,
});

export const upstreamView = object<UpstreamView>({
  worker: count,
  url: text,
  mode: word('per_client', 'pooled'),
  state: word('up', 'down', 'unknown'),
  sinceMs: number,
  lastError: text,
  usage,
  capabilities: orNull(record),
});

export const certificateView = object<CertificateView>({
  path: text,
  file: text,
  subject: text,
  issuer: text,
  notAfterMs: number,
});

/** A list without pages. */
export function itemsBody(item: Schema): Schema {
  return object<{ items: unknown }>({ items: list(item) });
}

export const auditBody = object<AuditBody>({
  total: count,
  entries: list(
    object<AuditBody['entries'][number]>({
      atMs: time,
      by: text,
      address: text,
      action: text,
      target: text,
      outcome: text,
    }),
  ),
});
