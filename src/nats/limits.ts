/**
 * Numbers of the NATS client protocol: what a client may send, and what nats-server allows by default.
 * Must not know what an operator has configured.
 */

/**
 * Default of `max_control_line`, in bytes: the arguments of one operation, without its name, the blanks behind
 * the name, and the line end.
 */
export const DEFAULT_MAX_CONTROL_LINE_BYTES = 4096;

/** Default of `max_payload`, in bytes: header block and payload of one message together. */
export const DEFAULT_MAX_PAYLOAD_BYTES = 1_048_576;

/** Digits of a size or a count; one more makes it invalid, whatever its value. */
export const MAX_NUMBER_DIGITS = 9;
