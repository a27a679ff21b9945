/** What clients were told with an `-ERR`, for people. */

/** By the code under which it is counted. */
export const ERROR_WORDS: Readonly<Record<string, string>> = {
  GW_PARSE_UNKNOWN_OPERATION: 'an operation that does not exist',
  GW_PARSE_CONTROL_LINE: 'a line above max_control_line',
  GW_MAX_PAYLOAD: 'a message above max_payload',
  GW_CLIENT_PROTOCOL: 'a protocol version that does not exist',
  GW_NO_RESPONDERS_HEADERS: 'no_responders without headers',
  GW_AUTHORIZATION: 'credentials that nobody accepts',
  GW_AUTH_TIMEOUT: 'no credentials in time',
  GW_AUTH_EXPIRED: 'credentials that have expired',
  GW_PERMISSIONS: 'no permission, or a name that cannot cross',
  GW_STALE: 'no answer to a PING',
  GW_MAX_CONNECTIONS: 'too many connections',
  GW_MAX_SUBSCRIPTIONS: 'too many subscriptions',
  GW_INVALID_SUBJECT: 'a subject that is none',
  GW_INVALID_PUBLISH_SUBJECT: 'a subject to publish to that is none',
};
