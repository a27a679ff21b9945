/**
 * `per_client` mode: each NATS client has a pair of MQTT sessions of its own, so that the broker sees and authorises
 * every client. What runs over the pair is not decided here.
 */

import { randomBytes } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import { sumUsage, type UpstreamUsage } from '../metrics/upstream-usage.ts';
import type { OutboundPublication } from '../mqtt/publication.ts';
import type {
  PublishReceipt,
  SubscribeRequest,
  UpstreamFeatures,
  UpstreamIdentity,
  UpstreamListener,
  UpstreamPort,
  UpstreamSubscription,
} from '../session/ports.ts';
import { DenyList } from './deny-list.ts';
import type { PairContext } from './pair-context.ts';
import type { PortSource } from './port-source.ts';
import { SessionPair } from './session-pair.ts';

/** Client id of a further session: `-2` is that of the second one. */
function suffixOf(position: number): string {
  return position === 0 ? '' : `-${position + 1}`;
}

/** The ports of all clients. */
export class PerClientPorts implements PortSource {
  #context: PairContext;
  #ports = new Set<PerClientPort>();
  #onEmpty: () => void;

  /** @param onEmpty called whenever no session is left */
  constructor(context: PairContext, onEmpty: () => void) {
    this.#context = context;
    this.#onEmpty = onEmpty;
  }

  get usage(): UpstreamUsage {
    return sumUsage([...this.#ports].map((port) => port.usage));
  }

  get isEmpty(): boolean {
    return this.#ports.size === 0;
  }

  open(identify: () => UpstreamIdentity, listener: UpstreamListener): UpstreamPort {
    const port = new PerClientPort(this.#context, identify(), listener, (one) => this.#onClosed(one));
    this.#ports.add(port);
    return port;
  }

  onProbed(): void {
    for (const port of this.#ports) port.onProbed();
  }

  end(): void {
    for (const port of [...this.#ports]) port.end();
  }

  abort(): void {
    for (const port of [...this.#ports]) port.abort();
  }

  #onClosed(port: PerClientPort): void {
    this.#ports.delete(port);
    if (this.#ports.size === 0) this.#onEmpty();
  }
}

/** One client's port over a pair that lives and ends with it. */
class PerClientPort implements UpstreamPort {
  readonly originToken: string | null;
  #listener: UpstreamListener;
  #pair: SessionPair;
  #isReady = false;
  #isEnded = false;
  #deadline: NodeJS.Timeout;

  /** @param onClosed called when nothing of the client is left at the broker */
  constructor(
    context: PairContext,
    identity: UpstreamIdentity,
    listener: UpstreamListener,
    onClosed: (port: PerClientPort) => void,
  ) {
    this.#listener = listener;
    this.originToken = context.broker.protocolVersion === 5 ? randomBytes(9).toString('base64url') : null;
    this.#deadline = setTimeout(
      () => this.#giveUp('no connection to the broker'),
      context.broker.connectTimeoutMs,
    );
    const identify = (position: number) => ({
      ...identity,
      clientId: identity.clientId + suffixOf(position),
    });
    this.#pair = new SessionPair(
      context,
      { identify, isPermanent: false, denied: new DenyList() },
      {
        onUp: () => this.#onUp(),
        onRoom: () => listener.onWritable(),
        onUnreachable: () => {},
        onGraceOver: () => this.#giveUp('the broker did not come back'),
        onFatal: (error) => this.#fail(error),
        onClosed: () => onClosed(this),
      },
    );
  }

  get isUp(): boolean {
    return this.#pair.isUp;
  }

  get features(): UpstreamFeatures {
    return this.#pair.features;
  }

  get canPublish(): boolean {
    return this.#pair.canPublish;
  }

  get usage(): UpstreamUsage {
    return { clients: 1, ...this.#pair.usage };
  }

  publish(message: OutboundPublication, receipt: PublishReceipt | null): void {
    this.#pair.publish(message, receipt);
  }

  subscribe(request: SubscribeRequest): UpstreamSubscription {
    return this.#pair.subscribe(request);
  }

  barrier(done: () => void): void {
    this.#pair.barrier(done);
  }

  end(): void {
    this.#isEnded = true;
    clearTimeout(this.#deadline);
    this.#pair.end();
  }

  /** Ends at once, whatever is still owed to the broker. */
  abort(): void {
    this.#isEnded = true;
    clearTimeout(this.#deadline);
    this.#pair.abort();
  }

  /** See {@link PortSource.onProbed}. */
  onProbed(): void {
    if (this.#isReady && !this.#isEnded) this.#listener.onWritable();
  }

  #onUp(): void {
    if (this.#isReady) {
      this.#listener.onWritable();
      return;
    }
    this.#isReady = true;
    clearTimeout(this.#deadline);
    this.#listener.onReady();
  }

  #giveUp(message: string): void {
    this.#fail(new GatewayError('GW_BROKER_UNAVAILABLE', message));
  }

  #fail(error: GatewayError): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#deadline);
    this.#pair.close();
    this.#listener.onEnded(error);
  }
}
