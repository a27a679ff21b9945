/** What a message from the broker is under the names of one name space: worked out once, however many clients get it. */
import type { InboundPublication } from '../mqtt/publication.ts';
import type { ByteRange } from '../util/byte-range.ts';

/** The last message that a name space was asked about. */
export class DeliveryView {
  message: InboundPublication | null = null;
  sequence = -1;
  /** Null: the topic has none. */
  subject: Buffer | null = null;
  reply: Buffer | null = null;
  /** Null: none. */
  headers: Readonly<ByteRange> | null = null;
  /** Of the `WireHeaders` whose memory holds the headers; 0: they are nobody's. */
  headersStamp = 0;
  /** Mark of the client that has published it through a gateway. */
  origin: string | null = null;

  /** Forgets the message before. */
  begin(message: InboundPublication, subject: Buffer | null): void {
    this.message = message;
    this.sequence = message.sequence;
    this.subject = subject;
    this.reply = null;
    this.headers = null;
    this.headersStamp = 0;
    this.origin = null;
  }
}
