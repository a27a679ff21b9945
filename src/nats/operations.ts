/**
 * The shapes of the NATS client protocol as they travel between parser, session and encoder.
 * Subjects, replies, sids and payloads are byte ranges, never strings: a PUB costs no allocation.
 */

/**
 * PUB or HPUB. One object per parser, reused for every operation: valid only until the handler returns.
 * All offsets are byte positions, end exclusive.
 */
export interface PublishOp {
  /** Holds subject and reply. */
  line: Buffer;
  subjectStart: number;
  subjectEnd: number;
  replyStart: number;
  /** Equal to `replyStart` when there is no reply. */
  replyEnd: number;
  /** Holds the header block and, directly behind it, the payload. Never written to again: slices may be kept. */
  body: Buffer;
  headerStart: number;
  /** End of the header block (equal to `headerStart` for PUB, and for HPUB with an empty block). */
  payloadStart: number;
  payloadEnd: number;
}

/** SUB. Reused like {@link PublishOp}. */
export interface SubscribeOp {
  line: Buffer;
  subjectStart: number;
  subjectEnd: number;
  queueStart: number;
  /** Equal to `queueStart` when there is no queue group. */
  queueEnd: number;
  sidStart: number;
  sidEnd: number;
}

/** UNSUB. Reused like {@link PublishOp}. */
export interface UnsubscribeOp {
  line: Buffer;
  sidStart: number;
  sidEnd: number;
  /** Messages since SUB after which the subscription ends; 0 = now (absent, zero or not a number of 1–9 digits). */
  max: number;
}

/**
 * What the parser calls. Every method returns whether the operation was taken: `false` makes the parser stop in
 * front of it and call again after `resume()` (used while CONNECT, SUBACK or a full send window is awaited).
 * Handlers may throw `GatewayError`; the parser is then dead.
 */
export interface OperationHandler {
  /** @param json the argument of CONNECT, `line.subarray(start, end)`, not yet parsed */
  onConnect(line: Buffer, start: number, end: number): boolean;
  /** The control line is complete, but `totalBytes` of body must be waited for and buffered. */
  onPublishIncomplete(totalBytes: number): boolean;
  onPublish(op: PublishOp): boolean;
  onSubscribe(op: SubscribeOp): boolean;
  onUnsubscribe(op: UnsubscribeOp): boolean;
  onPing(): boolean;
  onPong(): boolean;
}

/**
 * INFO as sent to clients; optional fields are left out when undefined.
 * @see NATS client protocol, INFO
 */
export interface ServerInfo {
  server_id: string;
  server_name: string;
  version: string;
  proto: 1;
  go: string;
  host: string;
  port: number;
  headers: boolean;
  max_payload: number;
  auth_required?: boolean;
  nonce?: string;
  tls_required?: boolean;
  tls_available?: boolean;
  tls_verify?: boolean;
  client_id: number;
  client_ip: string;
  connect_info?: boolean;
  remote_account?: string;
  ldm?: boolean;
}

/** CONNECT after merging; the defaults of nats-server are applied by `nats/connect-options.ts`. */
export interface ConnectOptions {
  verbose: boolean;
  pedantic: boolean;
  echo: boolean;
  headers: boolean;
  no_responders: boolean;
  tls_required: boolean;
  protocol: number;
  lang: string;
  version: string;
  name: string;
  user: string;
  pass: string;
  auth_token: string;
  jwt: string;
  nkey: string;
  sig: string;
  account: string;
  new_account: boolean;
}
