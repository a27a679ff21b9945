/**
 * Finds out what this broker really does, with a few messages under a random topic of the gateways' own. There is no
 * table of broker names. Holds the order of the questions and who asks them; the questions stand in files of their own.
 */
import { randomBytes } from 'node:crypto';
import { GATEWAY_TOPIC_PREFIX } from '../../mqtt/gateway-topics.ts';
import { isCredentialRefusal, isVersionRefusal } from '../../mqtt/reason-codes.ts';
import type { BrokerOptions } from '../connect-options.ts';
import { CLOSED, type LinkEnd, type LinkFeatures } from '../mqtt-link.ts';
import { askDollar } from './dollar.ts';
import { askDots } from './dots.ts';
import { askOverlap } from './overlap.ts';
import { type Opening, ProbeSession } from './probe-session.ts';
import { type ProbeReport, UNKNOWN_REPORT } from './report.ts';
import { askShared } from './shared.ts';
import { askUnheard } from './unheard.ts';
import { askWriteDelay } from './write-delay.ts';

/** Credentials of the gateway itself. */
export interface ServiceAccount {
  readonly username: string;
  readonly password: string | undefined;
}

/** What a probe has come to. */
export interface ProbeResult {
  readonly report: ProbeReport;
  /** CONNACK of the session that asked; null when there was none. */
  readonly features: LinkFeatures | null;
  /** Why there was none; a refusal of strangers alone is an answer, not a failure. */
  readonly failure: LinkEnd | null;
}

/** Subscription Identifier. */
const ECHO_ID = 51;

/** Bound of all questions together; each has limits of its own. */
const TOTAL_LIMIT_MS = 15_000;

/**
 * Connects without credentials, then, where that is refused, with `service`, and asks.
 * @param service the gateway's own account, or null
 * @param signal ends the probe at once
 * @returns what could be found out; never rejects; no connection is left by then
 */
export async function probeBroker(
  broker: BrokerOptions,
  service: ServiceAccount | null,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const limit = new AbortController();
  const end = (): void => limit.abort();
  const timer = setTimeout(end, TOTAL_LIMIT_MS);
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  const doors = new Doors(broker, service, limit.signal);
  try {
    return await probeThrough(doors);
  } finally {
    await doors.close();
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
  }
}

type Identity = 'stranger' | 'service';

/** The ways in, and who has come through them. */
class Doors {
  readonly broker: BrokerOptions;
  readonly service: ServiceAccount | null;
  #signal: AbortSignal;
  #base = `${GATEWAY_TOPIC_PREFIX}${randomBytes(12).toString('base64url')}`;
  #open: ProbeSession[] = [];

  constructor(broker: BrokerOptions, service: ServiceAccount | null, signal: AbortSignal) {
    this.broker = broker;
    this.service = service;
    this.#signal = signal;
  }

  async enter(as: Identity, protocolVersion: 4 | 5 = this.broker.protocolVersion): Promise<Opening> {
    const account = as === 'service' ? this.service : null;
    const clientId = `nmg-probe-${randomBytes(9).toString('hex')}`;
    const identity = { clientId, username: account?.username, password: account?.password };
    const options = { ...this.broker, protocolVersion };
    const opening = await ProbeSession.open(options, identity, this.#base, this.#signal);
    if (opening.session !== null) this.#open.push(opening.session);
    return opening;
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((session) => session.close()));
  }
}

async function probeThrough(doors: Doors): Promise<ProbeResult> {
  const { protocolVersion } = doors.broker;
  const stranger = await doors.enter('stranger');
  if (stranger.session !== null) return ask(stranger.session, doors, 'stranger', false);
  const { end } = stranger;
  const isStrangerRefused = end?.kind === 'refused' && isCredentialRefusal(end.code, protocolVersion);
  const requiresCredentials = isStrangerRefused ? true : null;
  if (end !== null && mayBeOlder(end, protocolVersion) && isOlder(await doors.enter('stranger', 4))) {
    return { report: { ...UNKNOWN_REPORT, speaksOnlyMqtt311: true }, features: null, failure: end };
  }
  const known = doors.service === null ? null : await doors.enter('service');
  if (known?.session) return ask(known.session, doors, 'service', requiresCredentials);
  const failure = isStrangerRefused ? (known?.end ?? null) : end;
  return { report: { ...UNKNOWN_REPORT, requiresCredentials }, features: null, failure };
}

/** It says so, or (RabbitMQ 3.10) it closes without a word. */
function mayBeOlder(end: LinkEnd, protocolVersion: 4 | 5): boolean {
  if (protocolVersion === 4) return false;
  return end.kind === 'refused' ? isVersionRefusal(end.code) : end.kind === 'lost' && end.detail === CLOSED;
}

/** Any answer to a CONNECT of MQTT 3.1.1 but "not this version" shows that the broker speaks it. */
function isOlder({ session, end }: Opening): boolean {
  return session !== null || (end?.kind === 'refused' && !isVersionRefusal(end.code));
}

async function ask(
  session: ProbeSession,
  doors: Doors,
  identity: Identity,
  requiresCredentials: boolean | null,
): Promise<ProbeResult> {
  const { features } = session;
  const answers = {
    ...UNKNOWN_REPORT,
    requiresCredentials,
    speaksOnlyMqtt311: features.protocolVersion === 5 ? false : null,
    ...(await askUnheard(session)),
  };
  // An access list that lets nothing out, or nothing in, makes every other question moot.
  const more = (await isServed(session)) ? await askAboutDeliveries(session, doors, identity) : {};
  return { report: { ...answers, ...more }, features, failure: null };
}

async function isServed(session: ProbeSession): Promise<boolean> {
  const topic = `${session.base}/echo`;
  if (!(await session.isGranted(topic, ECHO_ID))) return false;
  session.publish(topic, 0);
  return session.until(() => session.copiesOf(topic).length > 0);
}

/** What may cost a session comes last in it. */
async function askAboutDeliveries(
  session: ProbeSession,
  doors: Doors,
  identity: Identity,
): Promise<Partial<ProbeReport>> {
  const answers = {
    ...(await askOverlap(session)),
    ...(await askShared(session)),
    ...(await askWriteDelay(session)),
    ...(await askDots(session)),
  };
  const second = await doors.enter(identity);
  // A broker that has gone away has said nothing about topics.
  if (second.session === null) return answers.dots === 'disconnects' ? { ...answers, dots: null } : answers;
  const dollar = await askDollar(second.session);
  if (dollar.dollarTopics !== 'disconnects') return { ...answers, ...dollar };
  const third = await doors.enter(identity);
  return { ...answers, ...dollar, dollarTopics: third.session === null ? null : 'disconnects' };
}
