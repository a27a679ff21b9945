/**
 * Where the gateway deliberately does not do what nats-server does, and rows of the conformance checklist that wait for
 * a later version. Every other row is a test; coverage.test.ts holds this list to that.
 */

/** Something that a NATS client could notice. */
export interface IntendedDifference {
  /** Row of the checklist; null: the checklist has none for it. */
  readonly row: number | null;
  readonly natsServer: string;
  readonly gateway: string;
  readonly reason: string;
}

/** Each difference with a row is pinned by a test of that row, which shows both behaviours. */
export const INTENDED_DIFFERENCES: readonly IntendedDifference[] = [
  {
    row: 34,
    natsServer: 'checks the credentials of a second CONNECT and closes when they are wrong',
    gateway: 'takes over the other fields of a second CONNECT and ignores its credentials',
    reason: 'the session with the broker cannot change its user; no library sends a second CONNECT',
  },
  {
    row: 39,
    natsServer: 'cuts a silent client after two unanswered PINGs, at the third interval',
    gateway: 'cuts it `ping_timeout` after the first unanswered PING',
    reason:
      'heartbeat of the EMQX gateway; a dead client must not hold a session with the broker for minutes',
  },
  {
    row: 40,
    natsServer: 'takes only PONG as the answer to a PING',
    gateway: 'takes any byte as a sign of life',
    reason: 'a client that sends is alive, and with a single PING allowed it must not be cut while it sends',
  },
  {
    row: 44,
    natsServer: 'answers +OK before it delivers the message to its own sender',
    gateway: 'answers +OK when the broker has acknowledged; the copy may arrive before or after it',
    reason: '+OK is the promise that the broker has the message',
  },
  {
    row: 73,
    natsServer: 'answers 503 when, with echo off, only the sender itself subscribes to what it requests',
    gateway: 'answers nothing',
    reason: 'the broker counts the subscription of the sender and reports no lack of subscribers',
  },
  {
    row: 91,
    natsServer: 'reports every denied PUB',
    gateway:
      'reports names that cannot be used, and what the access list of the broker denies to verbose clients and requests; other PUBs are dropped by the broker without a report',
    reason: 'MQTT acknowledges, and so reports, QoS 1 only',
  },
  {
    row: 106,
    natsServer: 'ends with 1 on a bad configuration',
    gateway: 'ends with 78',
    reason: 'supervisors can tell a wrong configuration (EX_CONFIG) from a failure that a restart may cure',
  },
  {
    row: 115,
    natsServer: 'carries subjects that are not valid UTF-8',
    gateway: 'refuses them with a permissions violation',
    reason: 'MQTT topics are UTF-8; a broker ends the session that sends anything else',
  },
  {
    row: null,
    natsServer: 'sends PING whatever happens behind it',
    gateway: 'stops its clocks and sends no PING while it does not read, as during an outage of the broker',
    reason: 'the answer would not be read, and the client cannot be blamed for it',
  },
];

/** A row that nothing can be tested of yet. */
export interface LaterRow {
  readonly row: number;
  /** What is missing, in a word. */
  readonly missing: string;
}

/** Rows of functions that this version does not have. */
export const LATER_ROWS: readonly LaterRow[] = [
  { row: 83, missing: 'TLS client certificates as identity' },
  { row: 85, missing: 'nkeys' },
  { row: 86, missing: 'nkeys' },
  { row: 87, missing: 'users of the gateway itself' },
  { row: 88, missing: 'JWT' },
  { row: 89, missing: 'JWT' },
  { row: 90, missing: 'JWT' },
  { row: 93, missing: 'permissions of the gateway itself' },
  { row: 94, missing: 'permissions of the gateway itself' },
  { row: 96, missing: 'reload' },
  { row: 104, missing: 'lame duck mode' },
];
