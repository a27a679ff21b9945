/** What has come through one listener. Plain counters, copied by whoever publishes them. */

/** Why a connection was turned away before it had a session. */
export type RejectReason =
  | 'max_connections'
  | 'rate'
  | 'acl'
  | 'tls'
  | 'proxy_header'
  | 'handshake'
  | 'shutdown';

/** Of one listener in one process. Numbers only grow. */
export class ListenerCounters {
  /** Connections that got a session. */
  accepted = 0;
  messagesIn = 0;
  messagesOut = 0;
  /** Part of `messagesIn`: those that came as HPUB. */
  messagesInWithHeaders = 0;
  /** Part of `messagesOut`: those that went out as HMSG. */
  messagesOutWithHeaders = 0;
  /** Headers and payload. */
  bytesIn = 0;
  bytesOut = 0;
  readonly rejected = new Map<RejectReason, number>();
  /** Ended connections by close reason. */
  readonly closed = new Map<string, number>();

  /** Counts one connection that was turned away. */
  reject(reason: RejectReason): void {
    this.rejected.set(reason, (this.rejected.get(reason) ?? 0) + 1);
  }

  /** Counts one connection that had a session and has ended. */
  close(reason: string): void {
    this.closed.set(reason, (this.closed.get(reason) ?? 0) + 1);
  }
}
