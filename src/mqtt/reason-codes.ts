/**
 * The MQTT reason codes the gateway acts on, and what they mean to a session.
 * Names only: who is told what is decided elsewhere.
 */

/** MQTT 5 reason codes. @see MQTT 5.0 §2.4 */
export const REASON = {
  SUCCESS: 0x00,
  NO_MATCHING_SUBSCRIBERS: 0x10,
  UNSPECIFIED_ERROR: 0x80,
  MALFORMED_PACKET: 0x81,
  PROTOCOL_ERROR: 0x82,
  UNSUPPORTED_PROTOCOL_VERSION: 0x84,
  CLIENT_IDENTIFIER_NOT_VALID: 0x85,
  BAD_USER_NAME_OR_PASSWORD: 0x86,
  NOT_AUTHORIZED: 0x87,
  SERVER_UNAVAILABLE: 0x88,
  SERVER_BUSY: 0x89,
  BANNED: 0x8a,
  SERVER_SHUTTING_DOWN: 0x8b,
  BAD_AUTHENTICATION_METHOD: 0x8c,
  SESSION_TAKEN_OVER: 0x8e,
  TOPIC_FILTER_INVALID: 0x8f,
  TOPIC_NAME_INVALID: 0x90,
  RECEIVE_MAXIMUM_EXCEEDED: 0x93,
  PACKET_TOO_LARGE: 0x95,
  QUOTA_EXCEEDED: 0x97,
  ADMINISTRATIVE_ACTION: 0x98,
  RETAIN_NOT_SUPPORTED: 0x9a,
  QOS_NOT_SUPPORTED: 0x9b,
  SERVER_MOVED: 0x9d,
  SHARED_SUBSCRIPTIONS_NOT_SUPPORTED: 0x9e,
  WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED: 0xa2,
} as const;

/** Return codes of CONNACK in MQTT 3.1.1. @see MQTT 3.1.1 §3.2.2.3 */
const CONNACK_V4 = {
  ACCEPTED: 0,
  UNACCEPTABLE_PROTOCOL_VERSION: 1,
  IDENTIFIER_REJECTED: 2,
  SERVER_UNAVAILABLE: 3,
  BAD_USER_NAME_OR_PASSWORD: 4,
  NOT_AUTHORIZED: 5,
} as const;

/** First reason code that means failure; SUBACK 0x80 of 3.1.1 included. */
export const FIRST_FAILURE = 0x80;

const CREDENTIAL_REFUSALS_V5: ReadonlySet<number> = new Set([
  REASON.BAD_USER_NAME_OR_PASSWORD,
  REASON.NOT_AUTHORIZED,
  REASON.BANNED,
  REASON.BAD_AUTHENTICATION_METHOD,
]);

const CREDENTIAL_REFUSALS_V4: ReadonlySet<number> = new Set([
  CONNACK_V4.BAD_USER_NAME_OR_PASSWORD,
  CONNACK_V4.NOT_AUTHORIZED,
]);

const SESSION_ENDS: ReadonlySet<number> = new Set([
  REASON.SESSION_TAKEN_OVER,
  REASON.ADMINISTRATIVE_ACTION,
  REASON.NOT_AUTHORIZED,
  REASON.SERVER_MOVED,
]);

/**
 * Whether a CONNACK says that these credentials will not do; trying again with the same ones is pointless.
 * @param code reason code (5.0) or return code (3.1.1) of CONNACK
 */
export function isCredentialRefusal(code: number, protocolVersion: 4 | 5): boolean {
  return (protocolVersion === 5 ? CREDENTIAL_REFUSALS_V5 : CREDENTIAL_REFUSALS_V4).has(code);
}

/** Whether a CONNACK says that the broker does not speak this version of MQTT; older ones know only their own code. */
export function isVersionRefusal(code: number): boolean {
  return code === REASON.UNSUPPORTED_PROTOCOL_VERSION || code === CONNACK_V4.UNACCEPTABLE_PROTOCOL_VERSION;
}

/**
 * Whether a DISCONNECT from the broker is meant for good: reconnecting would fight a take-over, an operator or
 * an access rule. @param code reason code of DISCONNECT, MQTT 5.0 §3.14.2.1
 */
export function endsSession(code: number): boolean {
  return SESSION_ENDS.has(code);
}
