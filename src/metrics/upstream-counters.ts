/** What has passed between one process and the broker. Plain counters, copied by whoever publishes them. */
import type { CounterSnapshot } from './counters.ts';
import { Histogram } from './histogram.ts';

/** Payloads by the QoS they were sent with. */
export class QoSCounters {
  messages0 = 0;
  messages1 = 0;
  messages2 = 0;
  bytes0 = 0;
  bytes1 = 0;
  bytes2 = 0;

  count(qos: 0 | 1 | 2, bytes: number): void {
    if (qos === 0) {
      this.messages0 += 1;
      this.bytes0 += bytes;
    } else if (qos === 1) {
      this.messages1 += 1;
      this.bytes1 += bytes;
    } else {
      this.messages2 += 1;
      this.bytes2 += bytes;
    }
  }
}

/** Of one process. Markers and other messages of the gateway itself are not among them. */
export class UpstreamCounters {
  /** To the broker; what is sent again counts again. */
  readonly sent = new QoSCounters();
  /** From the broker, each once however many subscriptions it goes to. */
  readonly received = new QoSCounters();
  /** Failed attempts by reason code of CONNACK, or `lost`. */
  readonly connectFailures = new Map<string, number>();
  /** Sessions that ended by themselves, by reason code of DISCONNECT, or `lost`. */
  readonly disconnects = new Map<string, number>();
  /** Refused SUBSCRIBEs by reason code. */
  readonly subscribeFailures = new Map<string, number>();
  /** From PUBLISH to PUBACK. A sample: of many in flight, one is looked at. */
  readonly publishDuration = new Histogram();
  /** Of messages of the gateway's own that come back, and of PINGREQs: what a PONG waits for. */
  readonly roundTrips = new Histogram();

  /** As plain data. */
  snapshot(): CounterSnapshot {
    const { sent, received } = this;
    return {
      messages: {
        out: { 0: sent.messages0, 1: sent.messages1 },
        in: { 0: received.messages0, 1: received.messages1, 2: received.messages2 },
      },
      bytes: {
        out: { 0: sent.bytes0, 1: sent.bytes1 },
        in: { 0: received.bytes0, 1: received.bytes1, 2: received.bytes2 },
      },
      connectFailures: Object.fromEntries(this.connectFailures),
      disconnects: Object.fromEntries(this.disconnects),
      subscribeFailures: Object.fromEntries(this.subscribeFailures),
      publishDuration: this.publishDuration.snapshot(),
      roundTrips: this.roundTrips.snapshot(),
    };
  }
}
