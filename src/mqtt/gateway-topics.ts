/** Names of the topics that gateways use among themselves: barrier markers, nudges, probes. */

/** First level of such topics. No client reaches them, and none is ever delivered. */
export const GATEWAY_LEVEL = '_NMG';

/** What such topics begin with. */
export const GATEWAY_TOPIC_PREFIX = `${GATEWAY_LEVEL}/`;

/** First level of the topics with which a probe tries out a leading `$`; shown to nobody either. */
export const DOLLAR_GATEWAY_LEVEL = `$${GATEWAY_LEVEL}`;

/** What such topics begin with. */
export const DOLLAR_TOPIC_PREFIX = `${DOLLAR_GATEWAY_LEVEL}/`;
