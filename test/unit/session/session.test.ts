/** A session between a client and an upstream that the test plays: what one client may cost the others. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AccessPoint } from '../../../src/auth/access-point.ts';
import { FailureDelay } from '../../../src/auth/failure-delay.ts';
import { PermissionChecks } from '../../../src/auth/permission-check.ts';
import type { CloseReason } from '../../../src/close-reason.ts';
import { Counters } from '../../../src/metrics/counters.ts';
import { SubscriptionGauge } from '../../../src/metrics/subscription-gauge.ts';
import { MessageWriter } from '../../../src/nats/message-writer.ts';
import { Parser } from '../../../src/nats/parser.ts';
import type { LiveSession } from '../../../src/session/context.ts';
import { NameSpaces } from '../../../src/session/name-spaces.ts';
import type {
  ClientPort,
  SubscribeRequest,
  UpstreamListener,
  UpstreamPort,
} from '../../../src/session/ports.ts';
import { Session } from '../../../src/session/session.ts';
import { TapHub } from '../../../src/session/tap-hub.ts';
import { WireHeaders } from '../../../src/translation/wire-headers.ts';
import { type LogFields, RepeatLimiter, silentLogger } from '../../../src/util/logger.ts';
import { OutputBuffer } from '../../../src/util/output-buffer.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { inbound } from '../upstream/harness.ts';

function setUp() {
  const clock = new FakeClock();
  const requests: SubscribeRequest[] = [];
  const closed: CloseReason[] = [];
  const errors: LogFields[] = [];
  const state = { isBroken: false };
  const port: UpstreamPort = {
    canPublish: true,
    isUp: true,
    features: {
      protocolVersion: 5,
      maximumPacketBytes: Number.POSITIVE_INFINITY,
      retainAvailable: true,
      maximumQoS: 2,
      wildcardSubscriptions: true,
      isSettled: true,
      acceptsDollarTopics: true,
      acceptsDots: true,
      takesWireProperties: false,
    },
    originToken: null,
    publish: () => {},
    subscribe: (request) => {
      requests.push(request);
      return { end: () => {}, drop: () => {} };
    },
    barrier: (done) => done(),
    end: () => {},
  };
  let listener: UpstreamListener | undefined;
  const client: ClientPort = {
    isReading: true,
    peer: {
      cid: 1,
      listener: 'tcp',
      transport: 'tcp',
      remoteAddress: '127.0.0.1',
      remotePort: 1,
      localAddress: '127.0.0.1',
      localPort: 2,
      tls: null,
    },
    output: new OutputBuffer(),
    pendingBytes: 0,
    flushSoon: () => {
      if (state.isBroken) throw new Error('a bug');
    },
    onceFlushed: () => {},
    resume: () => parser.resume(),
    close: (reason) => closed.push(reason),
    fail: (error) => closed.push(error.effect.closeReason ?? 'Internal Error'),
  };
  const logger = { ...silentLogger, error: (fields: LogFields) => errors.push(fields) };
  const spaces = new NameSpaces({
    mapping: { profile: 'escape', escapeDollar: false, allowDollar: [] },
    mountpoint: '',
    listener: 'tcp',
    rules: [],
  });
  const options = {
    serverId: 'N',
    serverName: 'n',
    maxPayloadBytes: 1_000,
    maxSubscriptions: 0,
    authTimeoutMs: 1_000,
    idleTimeoutMs: 1_000,
    keepalive: { intervalMs: 1_000, timeoutMs: 1_000 },
    clientInfo: { clientId: '', username: '', password: '' },
    controlHeaders: true,
    countsPerClient: true,
    isLameDuck: false,
  };
  const upstream = {
    requiresCredentials: false,
    maxPayloadBytes: 1_000,
    open: (_identify: unknown, session: UpstreamListener) => {
      listener = session;
      return port;
    },
  };
  const limitedLog = new RepeatLimiter(logger, clock);
  const counters = new Counters();
  const wireHeaders = new WireHeaders();
  const failureDelay = new FailureDelay(0, clock);
  const permissionChecks = new PermissionChecks();
  const subscriptionGauge = new SubscriptionGauge();
  const taps = new TapHub(clock, logger);
  const messageWriter = new MessageWriter();
  const shared = {
    messageWriter,
    failureDelay,
    permissionChecks,
    subscriptionGauge,
    taps,
    live: new Set<LiveSession>(),
  };
  const services = { options, upstream, clock, logger, limitedLog, counters, wireHeaders, ...shared };
  const access = new AccessPoint({ chain: null, anonymous: null, defaultPermissions: null });
  const session = new Session(services, client, { spaces, access });
  const parser = new Parser(session, { maxControlLineBytes: 4_096 });
  session.start();
  parser.push(Buffer.from('CONNECT {"verbose":false}\r\n'));
  listener?.onReady();
  return { parser, requests, closed, errors, state };
}

test('session: what goes wrong in a delivery ends this client, and is not the problem of who delivers', () => {
  const { parser, requests, closed, errors, state } = setUp();
  parser.push(Buffer.from('SUB a 1\r\n'));
  requests[0]?.subscriber.onSuback(0);
  state.isBroken = true;
  assert.equal(requests[0]?.subscriber.deliver(inbound('a', 'x')), true);
  assert.deepEqual(closed, ['Internal Error']);
  assert.deepEqual(
    [errors.length, errors[0]?.event, errors[0]?.error_type],
    [1, 'client.internal_error', 'Error'],
  );
});

test('session: at most 256 changes of one client are unconfirmed, so that others come in between', () => {
  const { parser, requests } = setUp();
  parser.push(Buffer.from(Array.from({ length: 1_000 }, (_, i) => `SUB s.${i} ${i}\r\n`).join('')));
  assert.equal(requests.length, 256);
  for (let i = 0; i < 1_000; i++) requests[i]?.subscriber.onSuback(0);
  assert.equal(requests.length, 1_000);
});
