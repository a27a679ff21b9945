/**
 * Looking at messages as they cross. Types of plain data only. A tap looks at what passes anyway: it never adds a
 * subscription at the broker, never holds a message up, and costs nothing while there is none.
 */
import type { DropReason } from '../metrics/counters.ts';

/** What a tap looks at; all that is given must hold. Nothing given: everything. */
export interface TapRequest {
  readonly cid?: number;
  readonly user?: string;
  /** A subject, which may hold wildcards. */
  readonly subject?: string;
  readonly direction?: TapDirection;
  /** How long it goes on, in milliseconds; at most {@link MAX_TAP_MS}. */
  readonly durationMs: number;
  /** Events per second; beyond, they are counted and left out. */
  readonly maxPerSecond: number;
  /** How many bytes of each payload are shown; 0: only how long it is. */
  readonly payloadBytes: number;
}

/** Longest time that a tap goes on. */
export const MAX_TAP_MS = 15 * 60_000;

/** Taps that may go on at the same time. */
export const MAX_TAPS = 8;

/** Most events per second, whatever is asked for: the process has clients to serve. */
export const MAX_TAP_EVENTS_PER_SECOND = 1_000;

/** Most bytes of a payload or of headers that are shown, whatever is asked for. */
export const MAX_TAP_BYTES = 16 * 1024;

/** `to_broker`: a PUB became a PUBLISH. `to_client`: a PUBLISH became a MSG. */
export type TapDirection = 'to_broker' | 'to_client';

/** One message, or why there is none. */
export interface TapEvent {
  readonly atMs: number;
  readonly direction: TapDirection;
  readonly cid: number;
  readonly user: string;
  readonly subject: string;
  /** Empty when the name cannot cross. */
  readonly topic: string;
  /** NATS reply subject; empty: none. */
  readonly reply: string;
  readonly responseTopic: string;
  readonly qos: 0 | 1 | 2;
  readonly isRetained: boolean;
  /** Header block as text, shortened at {@link MAX_TAP_BYTES}, and the user properties it has become or came from. */
  readonly headers: string;
  readonly userProperties: readonly (readonly [name: string, value: string])[];
  readonly payloadBytes: number;
  /** Beginning of the payload, base64; empty when it was not asked for. */
  readonly payload: string;
  /** Null: it went on. */
  readonly dropped: DropReason | null;
}

/** Sent to whoever looks; the last one is `ended`. */
export type TapMessage =
  | { readonly type: 'event'; readonly event: TapEvent }
  /** Events that were too many in the last second. */
  | { readonly type: 'skipped'; readonly count: number }
  | { readonly type: 'ended'; readonly reason: 'time' | 'closed' | 'shutdown' };

/** A tap that goes on. */
export interface TapHandle {
  /** Idempotent. */
  close(): void;
}
