/** Header blocks that the server makes itself. @see NATS ADR-4 */

const NO_RESPONDERS = Buffer.from('NATS/1.0 503\r\nNats-Subject: ');
const END = Buffer.from('\r\n\r\n');

/**
 * The status that tells a requester that nobody listens. The line must end behind the number: libraries compare it.
 * @param subject of the request; named since nats-server 2.12
 */
export function noRespondersBlock(subject: Buffer): Buffer {
  return Buffer.concat([NO_RESPONDERS, subject, END]);
}
