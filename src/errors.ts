/**
 * The one error class and the one table that says what each error means to a NATS client.
 * Nothing else decides `-ERR` texts, whether a connection closes, or its close reason.
 */
import type { CloseReason } from './close-reason.ts';

/** What a coded error does to the client connection it happens on. */
export interface ErrorEffect {
  /** Text inside `-ERR '…'`; `null` closes or drops without a word (nats-server does the same). */
  readonly errText: string | null;
  /** Set when the connection ends with this error. */
  readonly closeReason: CloseReason | null;
}

const closes = (errText: string | null, closeReason: CloseReason): ErrorEffect => ({ errText, closeReason });
const stays = (errText: string | null): ErrorEffect => ({ errText, closeReason: null });

/**
 * Error codes and their effect. Codes never change meaning.
 * @see nats-server's client protocol errors; texts are matched by client libraries, letter case included
 */
export const ERRORS = {
  GW_PARSE_UNKNOWN_OPERATION: closes('Unknown Protocol Operation', 'Protocol Violation'),
  GW_PARSE_CONTROL_LINE: closes('maximum control line exceeded', 'Maximum Control Line Exceeded'),
  GW_PARSE_ARGUMENTS: closes(null, 'Protocol Violation'),
  GW_MAX_PAYLOAD: closes('Maximum Payload Violation', 'Maximum Message Payload Exceeded'),
  GW_CLIENT_SENT_ERR: closes(null, 'Parse Error'),
  GW_CONNECT_JSON: closes(null, 'Protocol Violation'),
  GW_CLIENT_PROTOCOL: closes('invalid client protocol', 'Bad Client Protocol Version'),
  GW_NO_RESPONDERS_HEADERS: closes(
    'no responders requires headers support',
    'No Responders Requires Headers',
  ),
  GW_AUTHORIZATION: closes('Authorization Violation', 'Authentication Failure'),
  GW_AUTH_TIMEOUT: closes('Authentication Timeout', 'Authentication Timeout'),
  GW_AUTH_EXPIRED: closes('User Authentication Expired', 'Authentication Expired'),
  GW_STALE: closes('Stale Connection', 'Stale Connection'),
  GW_MAX_CONNECTIONS: closes('maximum connections exceeded', 'Maximum Connections Exceeded'),
  GW_MAX_SUBSCRIPTIONS: stays('maximum subscriptions exceeded'),
  GW_INVALID_SUBJECT: stays('Invalid Subject'),
  GW_INVALID_PUBLISH_SUBJECT: stays('Invalid Publish Subject'),
  GW_IDLE: closes(null, 'Idle Timeout'),
  GW_SLOW_PENDING: closes(null, 'Slow Consumer (Pending Bytes)'),
  GW_SLOW_DEADLINE: closes(null, 'Slow Consumer (Write Deadline)'),
  GW_BROKER_UNAVAILABLE: closes(null, 'Broker Unavailable'),
  GW_BROKER_REFUSED: closes(null, 'Broker Refused'),
  GW_BROKER_CLOSED: closes(null, 'Broker Closed Session'),
  GW_SHUTDOWN: closes(null, 'Server Shutdown'),
  GW_INTERNAL: closes(null, 'Internal Error'),
  GW_NAME_UNMAPPABLE: stays(null),
  GW_LIMIT: stays(null),
  GW_CONFIG: closes(null, 'Internal Error'),
  GW_LISTEN: closes(null, 'Internal Error'),
} as const satisfies Record<string, ErrorEffect>;

/** A key of {@link ERRORS}. */
export type ErrorCode = keyof typeof ERRORS;

/** Every expected failure. Test `code`, never the message. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly context: Readonly<Record<string, unknown>>;

  /**
   * @param code key of {@link ERRORS}
   * @param message for operators; never raw client input
   * @param options `cause`, and `context` with sizes, names and limits for the log
   */
  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; context?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.context = options.context ?? {};
  }

  /** What this error does to the client connection it happens on. */
  get effect(): ErrorEffect {
    return ERRORS[this.code];
  }
}
