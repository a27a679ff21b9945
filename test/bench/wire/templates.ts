/**
 * Messages as bytes, made once: a generator only changes the sequence number in them.
 */
import mqttPacket from 'mqtt-packet';

/** One encoded message; its sequence number goes to `payloadAt`. */
export interface Template {
  readonly bytes: Buffer;
  readonly payloadAt: number;
}

/** What every message of a stream looks like. */
export interface MessageShape {
  readonly payloadBytes: number;
  /** How many headers, or user properties, it carries. */
  readonly headers: number;
}

const HEADERS: readonly (readonly [string, string])[] = [
  ['Trace-Id', '4bf92f3577b34da6a3ce929d0e0e4736'],
  ['Source', 'sensor-17'],
];

function headersOf({ headers }: MessageShape): readonly (readonly [string, string])[] {
  if (headers > HEADERS.length) throw new Error(`there are only ${HEADERS.length} headers`);
  return HEADERS.slice(0, headers);
}

function payloadOf({ payloadBytes }: MessageShape): Buffer {
  return Buffer.alloc(payloadBytes, 'x');
}

/** A PUB, or an HPUB when there are headers. */
export function natsPublish(subject: string, shape: MessageShape): Template {
  const payload = payloadOf(shape);
  const lines = headersOf(shape).map(([name, value]) => `${name}: ${value}\r\n`);
  const block = lines.length === 0 ? '' : `NATS/1.0\r\n${lines.join('')}\r\n`;
  const line =
    block === ''
      ? `PUB ${subject} ${payload.length}\r\n`
      : `HPUB ${subject} ${block.length} ${block.length + payload.length}\r\n`;
  const head = Buffer.from(line + block);
  return { bytes: Buffer.concat([head, payload, Buffer.from('\r\n')]), payloadAt: head.length };
}

/** Where a PUBLISH goes. */
export interface PublishTarget {
  readonly topic: string;
  readonly protocolVersion: 4 | 5;
  /** Subscription Identifiers; MQTT 5 only. */
  readonly identifiers: readonly number[];
}

/** A PUBLISH with QoS 0; headers become user properties. */
export function mqttPublish(target: PublishTarget, shape: MessageShape): Template {
  const isV5 = target.protocolVersion === 5;
  const headers = headersOf(shape);
  const [identifier] = target.identifiers;
  const bytes = mqttPacket.generate(
    {
      cmd: 'publish',
      topic: target.topic,
      payload: payloadOf(shape),
      qos: 0,
      retain: false,
      dup: false,
      ...(isV5 && {
        properties: {
          ...(identifier !== undefined && { subscriptionIdentifier: identifier }),
          ...(headers.length > 0 && { userProperties: Object.fromEntries(headers) }),
        },
      }),
    },
    { protocolVersion: target.protocolVersion },
  );
  return { bytes, payloadAt: bytes.length - shape.payloadBytes };
}
