/** Names of the topics that gateways use among themselves: barrier markers, nudges, probes. */

/** First level of such topics. No client reaches them, and none is ever delivered. */
export const GATEWAY_LEVEL = '_NMG';

/** What such topics begin with. */
export const GATEWAY_TOPIC_PREFIX = `${GATEWAY_LEVEL}/`;
