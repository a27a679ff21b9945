/**
 * The WebSocket close code that goes with each reason for ending a connection; the text is the reason itself.
 */
import type { CloseReason } from '../close-reason.ts';

const NORMAL = 1000;
const GOING_AWAY = 1001;
const PROTOCOL_ERROR = 1002;
const POLICY_VIOLATION = 1008;
const TOO_BIG = 1009;
const UNEXPECTED = 1011;
const TLS_HANDSHAKE = 1015;

/**
 * Close code by reason, as nats-server chooses them.
 * @see RFC 6455 §7.4.1
 */
export const WEBSOCKET_CLOSE_CODES: Readonly<Record<CloseReason, number>> = {
  'Client Closed': NORMAL,
  'Server Shutdown': GOING_AWAY,
  'Stale Connection': GOING_AWAY,
  'Read Error': GOING_AWAY,
  'Write Error': GOING_AWAY,
  'Protocol Violation': PROTOCOL_ERROR,
  'Parse Error': PROTOCOL_ERROR,
  'Bad Client Protocol Version': PROTOCOL_ERROR,
  'Authentication Timeout': POLICY_VIOLATION,
  'Authentication Failure': POLICY_VIOLATION,
  'Authentication Expired': POLICY_VIOLATION,
  'Credentials Revoked': POLICY_VIOLATION,
  'Slow Consumer (Pending Bytes)': POLICY_VIOLATION,
  'Slow Consumer (Write Deadline)': POLICY_VIOLATION,
  'Maximum Connections Exceeded': POLICY_VIOLATION,
  'Maximum Control Line Exceeded': POLICY_VIOLATION,
  'Maximum Subscriptions Exceeded': POLICY_VIOLATION,
  'Maximum Message Payload Exceeded': TOO_BIG,
  'TLS Handshake Failure': TLS_HANDSHAKE,
  'No Responders Requires Headers': UNEXPECTED,
  Kicked: UNEXPECTED,
  'Idle Timeout': UNEXPECTED,
  'Broker Unavailable': UNEXPECTED,
  'Broker Refused': UNEXPECTED,
  'Broker Closed Session': UNEXPECTED,
  'Internal Error': UNEXPECTED,
};
