/** Where clients get their ports from: what the two modes have in common. */
import type { UpstreamUsage } from '../metrics/upstream-usage.ts';
import type { UpstreamIdentity, UpstreamListener, UpstreamPort } from '../session/ports.ts';

/** See the head of the file. */
export interface PortSource {
  readonly usage: UpstreamUsage;
  /** No session with the broker is left. */
  readonly isEmpty: boolean;
  /** @param identify the client's MQTT identity; called, and may throw, only where it is needed */
  open(identify: () => UpstreamIdentity, listener: UpstreamListener): UpstreamPort;
  /** The answers of the probe are there: what was held for them may be offered. */
  onProbed(): void;
  /** Ends all ports and sessions once the broker has acknowledged what they have sent. */
  end(): void;
  /** Ends everything at once. */
  abort(): void;
}
