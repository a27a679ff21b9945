/**
 * Finds out what this broker really does, with a few messages under a random topic of the gateways' own: whether
 * it lets strangers in, how it delivers to overlapping filters, and whether it delays small writes.
 * There is no table of broker names; an answer that cannot be had is `null`.
 */
import { randomBytes } from 'node:crypto';
import { GATEWAY_TOPIC_PREFIX } from '../mqtt/gateway-topics.ts';
import { isCredentialRefusal } from '../mqtt/reason-codes.ts';
import type { UpstreamIdentity } from '../session/ports.ts';
import type { BrokerOptions } from './connect-options.ts';
import type { OverlapShape } from './filter-index.ts';
import { type LinkEnd, type LinkFeatures, MqttLink } from './mqtt-link.ts';

/** What a probe has found; null where the broker did not let it find out. */
export interface ProbeReport {
  /** The broker refuses sessions without credentials. */
  readonly requiresCredentials: boolean | null;
  readonly overlap: OverlapShape | null;
  /** Two small writes in a row reach us 40 ms apart (Nagle's algorithm at the broker, delayed ACK here). */
  readonly delaysSmallWrites: boolean | null;
}

/** Rounds of one publication and its echo; the kernel acknowledges the first dozen at once, so they say nothing. */
const ROUNDS = 24;
const JUDGED_ROUNDS = 8;
/** Far above a loopback or data-centre round trip to and fro, well below a delayed ACK. */
const DELAYED_MS = 20;
const STEP_TIMEOUT_MS = 2_000;

/**
 * Connects without credentials, then, where that is refused, with `service`, and measures.
 * @param service the gateway's own account, or null
 * @param signal ends the probe at once
 * @param onNoSession told why there is no session; a refusal of strangers is an answer, not a failure
 * @returns what could be found out; never rejects
 */
export async function probeBroker(
  broker: BrokerOptions,
  service: UpstreamIdentity | null,
  signal: AbortSignal,
  onNoSession: (end: LinkEnd) => void = () => {},
): Promise<ProbeReport> {
  const stranger = {
    clientId: `nmg-probe-${randomBytes(9).toString('hex')}`,
    username: undefined,
    password: undefined,
  };
  const open = await connect(broker, stranger, signal);
  if (open.probe !== null) return measure(open.probe, false);
  const isRefused =
    open.end?.kind === 'refused' && isCredentialRefusal(open.end.code, broker.protocolVersion);
  const requiresCredentials = isRefused ? true : null;
  if (open.end !== null && !isRefused && !signal.aborted) onNoSession(open.end);
  if (service === null || signal.aborted)
    return { requiresCredentials, overlap: null, delaysSmallWrites: null };
  const known = await connect(broker, service, signal);
  if (known.probe === null) {
    if (known.end !== null && isRefused && !signal.aborted) onNoSession(known.end);
    return { requiresCredentials, overlap: null, delaysSmallWrites: null };
  }
  return measure(known.probe, requiresCredentials);
}

interface Copy {
  readonly topic: string;
  readonly identifiers: readonly number[];
}

/** An open link with what it has received. */
class Probe {
  readonly link: MqttLink;
  readonly features: LinkFeatures;
  readonly base = `${GATEWAY_TOPIC_PREFIX}${randomBytes(12).toString('base64url')}`;
  copies: Copy[] = [];
  onCopy: ((copy: Copy) => void) | null = null;
  #signal: AbortSignal;

  constructor(link: MqttLink, features: LinkFeatures, signal: AbortSignal) {
    this.link = link;
    this.features = features;
    this.#signal = signal;
  }

  subscribe(suffix: string, identifier: number): Promise<boolean> {
    const id = this.features.subscriptionIdentifiers ? identifier : null;
    return this.limited((resolve) => {
      const options = { qos: 0, identifier: id, retainHandling: 2 } as const;
      this.link.subscribe(`${this.base}/${suffix}`, options, (code) => resolve(code < 0x80));
    });
  }

  publish(suffix: string, qos: 0 | 1, onPuback: (() => void) | null): void {
    const text = `${this.base}/${suffix}`;
    const topic = { text, bytes: Buffer.from(text) };
    const body = Buffer.alloc(0);
    this.link.publish(
      { topic, body, payloadStart: 0, payloadEnd: 0, qos, retain: false, properties: null },
      onPuback,
    );
  }

  /** Resolves to whether a copy of this topic came in time. */
  arrival(suffix: string): Promise<boolean> {
    return this.limited((resolve) => {
      this.onCopy = (copy) => {
        if (copy.topic === `${this.base}/${suffix}`) resolve(true);
      };
    });
  }

  /** Resolves to false when nothing has happened within the limit, or when the probe is ended. */
  limited(start: (resolve: (isDone: boolean) => void) => void): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (isDone: boolean): void => {
        clearTimeout(timer);
        this.#signal.removeEventListener('abort', onAbort);
        resolve(isDone);
      };
      const onAbort = (): void => finish(false);
      const timer = setTimeout(onAbort, STEP_TIMEOUT_MS);
      this.#signal.addEventListener('abort', onAbort);
      start(finish);
    });
  }
}

function connect(
  broker: BrokerOptions,
  identity: UpstreamIdentity,
  signal: AbortSignal,
): Promise<{ probe: Probe | null; end: LinkEnd | null }> {
  return new Promise((resolve) => {
    let probe: Probe | null = null;
    const link: MqttLink = new MqttLink(broker, identity, {
      onConnected: (features) => {
        probe = new Probe(link, features, signal);
        resolve({ probe, end: null });
      },
      onMessage: (message, identifiers) => {
        const topic = message.topicBuffer.toString('utf8', message.topicStart, message.topicEnd);
        const copy = { topic, identifiers: [...identifiers] };
        probe?.copies.push(copy);
        probe?.onCopy?.(copy);
      },
      onDrain: () => {},
      onAnswer: () => {},
      onEnd: (end) => resolve({ probe: null, end }),
    });
    const onAbort = (): void => {
      link.destroy();
      resolve({ probe: null, end: null });
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

async function measure(probe: Probe, requiresCredentials: boolean | null): Promise<ProbeReport> {
  try {
    const overlap = await measureOverlap(probe);
    const canMeasure = overlap !== null && probe.features.maximumQoS > 0;
    const delaysSmallWrites = canMeasure ? await measureDelay(probe) : null;
    return { requiresCredentials, overlap, delaysSmallWrites };
  } finally {
    probe.link.close(() => {});
  }
}

async function measureOverlap(probe: Probe): Promise<OverlapShape | null> {
  const isSubscribed = (await probe.subscribe('+', 1)) && (await probe.subscribe('x', 2));
  if (!isSubscribed) return null;
  // Only the first filter matches `end`: when it is back, every copy of `x` is.
  const isBack = probe.arrival('end');
  probe.publish('x', 0, null);
  probe.publish('end', 0, null);
  if (!(await isBack)) return null;
  const copies = probe.copies.filter((copy) => copy.topic.endsWith('/x'));
  const named = new Set(copies.flatMap((copy) => copy.identifiers));
  if (named.has(1) && named.has(2)) return 'identifiers';
  if (copies.length === 0) return null;
  return copies.length > 1 ? 'copies' : 'single';
}

async function measureDelay(probe: Probe): Promise<boolean | null> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    const isBack = probe.arrival('x');
    const isAcknowledged = probe.limited((resolve) => probe.publish('x', 1, () => resolve(true)));
    if (!((await isBack) && (await isAcknowledged))) return null;
    times.push(performance.now() - start);
  }
  const judged = times.slice(-JUDGED_ROUNDS).sort((a, b) => a - b);
  return (judged[JUDGED_ROUNDS / 2] ?? 0) > DELAYED_MS;
}
