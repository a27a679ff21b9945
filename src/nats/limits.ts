/** Numbers of the NATS client protocol that no setting changes. */

/** Digits of a size or a count; one more makes it invalid, whatever its value. */
export const MAX_NUMBER_DIGITS = 9;
