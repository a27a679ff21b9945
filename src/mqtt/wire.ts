/**
 * Numbers and lengths of the MQTT 5 wire format, as far as PUBLISH and PUBACK need them.
 * @see MQTT 5.0 §1.5, §2.2.2
 */

/** Packet types with their flags where those are fixed, as the first byte of a packet. */
export const PACKET = { PUBLISH: 0x30, PUBACK: 0x40 } as const;

/** Identifiers of the properties a PUBLISH may have. @see MQTT 5.0 §3.3.2.3 */
export const PROPERTY = {
  PAYLOAD_FORMAT: 0x01,
  MESSAGE_EXPIRY: 0x02,
  CONTENT_TYPE: 0x03,
  RESPONSE_TOPIC: 0x08,
  CORRELATION_DATA: 0x09,
  SUBSCRIPTION_IDENTIFIER: 0x0b,
  TOPIC_ALIAS: 0x23,
  USER_PROPERTY: 0x26,
} as const;

/** Bytes that a Variable Byte Integer takes. */
export function varintSize(value: number): 1 | 2 | 3 | 4 {
  if (value < 128) return 1;
  if (value < 16_384) return 2;
  return value < 2_097_152 ? 3 : 4;
}
