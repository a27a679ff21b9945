/**
 * Why a client connection ended. One closed set, used by logs, metrics, status pages and WebSocket close
 * frames. The words are those of nats-server's `/connz?state=closed`; the last group is our own.
 */
export type CloseReason =
  | 'Client Closed'
  | 'Authentication Timeout'
  | 'Authentication Failure'
  | 'Authentication Expired'
  | 'Credentials Revoked'
  | 'TLS Handshake Failure'
  | 'Slow Consumer (Pending Bytes)'
  | 'Slow Consumer (Write Deadline)'
  | 'Write Error'
  | 'Read Error'
  | 'Parse Error'
  | 'Stale Connection'
  | 'Protocol Violation'
  | 'Bad Client Protocol Version'
  | 'No Responders Requires Headers'
  | 'Maximum Connections Exceeded'
  | 'Maximum Message Payload Exceeded'
  | 'Maximum Control Line Exceeded'
  | 'Maximum Subscriptions Exceeded'
  | 'Server Shutdown'
  | 'Kicked'
  | 'Idle Timeout'
  | 'Broker Unavailable'
  | 'Broker Refused'
  | 'Broker Closed Session'
  | 'Internal Error';
