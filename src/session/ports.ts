/**
 * What a session needs from its neighbours, and what they may ask of it. Types only: transport, session and
 * upstream know each other through this file and nothing else.
 */
import type { ClientCertificate } from '../auth/authenticator.ts';
import type { CloseReason } from '../close-reason.ts';
import type { ClientState, PermissionsView, SubscriptionView } from '../control/client-view.ts';
import type { GatewayError } from '../errors.ts';
import type { InboundPublication, OutboundPublication, QoS } from '../mqtt/publication.ts';
import type { OperationHandler } from '../nats/operations.ts';
import type { OutputBuffer } from '../util/output-buffer.ts';

/** What the handshake has settled. */
export interface TlsSession {
  /** `1.2`, `1.3`, as nats-server shows it. */
  readonly version: string;
  /** IANA name of the cipher suite. */
  readonly cipher: string;
  /** Verified; null where none is asked for. */
  readonly certificate: ClientCertificate | null;
}

/** TLS of one connection. */
export interface PeerTls {
  /** False: the client may go on without. */
  readonly isRequired: boolean;
  /** A client certificate is required. */
  readonly verifiesClient: boolean;
  /** The client certificate says who the client is (`verify_and_map`). */
  readonly identifiesClient: boolean;
  /** Longest time that a handshake may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Null before the handshake, and where the client goes on without. Settled when the first operation comes. */
  readonly session: TlsSession | null;
}

/** Where a client comes from; but for `tls.session` it does not change during the connection. */
export interface PeerInfo {
  /** Connection id: positive, increasing, never reused in this process. */
  readonly cid: number;
  /** Name of the listener in the configuration. */
  readonly listener: string;
  readonly transport: 'tcp' | 'ws';
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Address and port of the listener, for INFO. */
  readonly localAddress: string;
  readonly localPort: number;
  /** Null: the listener has no TLS. */
  readonly tls: PeerTls | null;
}

/** The connection as its session sees it. */
export interface ClientPort {
  readonly peer: PeerInfo;
  /** Whether bytes of the client are being read; if not, its silence says nothing. */
  readonly isReading: boolean;
  /** Operations for the client are appended here; call {@link ClientPort.flushSoon} afterwards. */
  readonly output: OutputBuffer;
  /** Bytes queued for this client and not yet taken by the kernel, `output` included. */
  readonly pendingBytes: number;
  /** Sends what is in `output` at the end of this turn of the event loop (and checks `max_pending`). */
  flushSoon(): void;
  /** Calls back when everything appended so far has been handed to the kernel. Not called after close. */
  onceFlushed(callback: () => void): void;
  /** Retries the operation that a handler refused with `false`, and goes on reading. Never re-entrant. */
  resume(): void;
  /** Flushes `output`, then ends the connection. Idempotent; the first reason wins. */
  close(reason: CloseReason): void;
  /** Appends the error's `-ERR` and, if it is one that closes, ends the connection, as the error table says. */
  fail(error: GatewayError): void;
}

/**
 * A session as operators see it. Looked at when somebody asks, and then for tens of thousands of clients: nothing is built
 * before it is read.
 */
export interface SessionView {
  readonly state: ClientState;
  readonly inMessages: number;
  readonly outMessages: number;
  readonly inBytes: number;
  readonly outBytes: number;
  /** How many there are. */
  readonly subscriptions: number;
  /** Milliseconds; null before the first PONG. */
  readonly rttMs: number | null;
  /** Milliseconds since 1970; 0: never. */
  readonly lastActivityMs: number;
  readonly name: string;
  readonly lang: string;
  readonly version: string;
  readonly user: string;
  readonly method: string;
  readonly account: string;
  /** Empty before there is one, and where sessions with the broker are shared. */
  readonly mqttClientId: string;
  readonly mountpoint: string;
  /** Milliseconds since 1970; null: never. */
  readonly expiresMs: number | null;
  /** Null: everything is allowed. */
  readonly permissions: PermissionsView | null;
  subscriptionList(): SubscriptionView[];
  /** Whether a message to this literal subject would reach one of its subscriptions, or one is named exactly so. */
  isSubscribedTo(subject: Buffer): boolean;
}

/** The session as its connection sees it. The connection's parser calls the operation handlers. */
export interface ClientSession extends OperationHandler {
  /** Largest payload (headers included) the parser may accept; read for each PUB. */
  readonly maxPayloadBytes: number;
  /** Whether CONNECT said `headers: true`; without it HPUB is an error. */
  readonly hasHeaders: boolean;
  readonly view: SessionView;
  /** The connection is established: sends INFO and starts the clocks. */
  start(): void;
  /** Bytes have arrived, complete operation or not; called before they are parsed. */
  onActivity(): void;
  /** What is in `output` is about to be sent. */
  onOutput(): void;
  /** The client has closed its writing side and all it sent has been taken; answer what is owed, then close. */
  onEnd(): void;
  /** Nothing more reaches the client; called at once, perhaps in the middle of a delivery. `onClosed` follows. */
  onClosing(): void;
  /** The connection is gone; called once, always. Releases everything. */
  onClosed(reason: CloseReason): void;
}

/** What the broker and our link to it can do, as far as known. */
export interface UpstreamFeatures {
  readonly protocolVersion: 4 | 5;
  /** Maximum Packet Size of CONNACK; Infinity when absent. */
  readonly maximumPacketBytes: number;
  readonly retainAvailable: boolean;
  readonly maximumQoS: 0 | 1 | 2;
  readonly wildcardSubscriptions: boolean;
  /** False while it is being found out how the broker serves subscriptions: they wait. */
  readonly isSettled: boolean;
  /** False: publications to topics that begin with `$` would be lost, or end the session. */
  readonly acceptsDollarTopics: boolean;
  /** False: publications to topics with a `.` would be lost, or end the session. */
  readonly acceptsDots: boolean;
  /**
   * Publications may carry user properties as on the wire, and strings in any order. Otherwise a list of them must
   * survive MQTT.js's object.
   */
  readonly takesWireProperties: boolean;
}

/** Told the PUBACK of a QoS 1 publication. */
export interface PublishReceipt {
  /** @param reasonCode MQTT 5 reason code; 0 on 3.1.1; 0x10 = no matching subscribers */
  onPuback(reasonCode: number): void;
}

/** One NATS subscription as the upstream sees it. */
export interface Subscriber {
  /**
   * Offers one message.
   * @returns false when this subscriber cannot take it (own message without echo, limit reached, closed)
   */
  deliver(message: InboundPublication): boolean;
  /** The filter is active at the broker (SUBACK), or the broker refused it with a reason code ≥ 0x80. */
  onSuback(reasonCode: number): void;
}

/** Asks for deliveries of one topic filter. */
export interface SubscribeRequest {
  /** MQTT topic filter without `$share`. */
  readonly filter: string;
  /** Share name for `$share/<name>/…`, or null for a plain subscription. */
  readonly shareName: string | null;
  /** Mountpoint of the subscriber: queue groups are formed within it. */
  readonly scope: string;
  readonly qos: QoS;
  readonly subscriber: Subscriber;
}

/** Handle of a subscription that an upstream holds. */
export interface UpstreamSubscription {
  /**
   * Ends it. Deliveries go on until `done`: at the UNSUBACK, or at a barrier when others share the filter.
   * @param done called exactly once, also when the upstream closes
   */
  end(done: () => void): void;
  /** No delivery from now on; the filter is released in the background. */
  drop(): void;
}

/** One NATS client's way to the broker. Created by an {@link Upstream}. */
export interface UpstreamPort {
  /** False: hold the operation; `onWritable` follows. */
  readonly canPublish: boolean;
  /** False while (re)connecting: hold every operation; `onWritable` follows. */
  readonly isUp: boolean;
  readonly features: UpstreamFeatures;
  /**
   * Token that marks this client's own messages in the user property `nmg-origin`; null when the link has no
   * user properties (MQTT 3.1.1), and `echo: false` is therefore not available.
   */
  readonly originToken: string | null;
  /** Precondition: `canPublish`. The receipt is required for QoS 1 and survives reconnects. */
  publish(message: OutboundPublication, receipt: PublishReceipt | null): void;
  subscribe(request: SubscribeRequest): UpstreamSubscription;
  /** Calls back when everything published so far has come through the broker to our own subscriptions. */
  barrier(done: () => void): void;
  /** Sends what is owed to the broker, then disconnects; bounded in time. Idempotent. */
  end(): void;
}

/** What an upstream tells the session. */
export interface UpstreamListener {
  /** First CONNACK: operations can be taken. */
  onReady(): void;
  /** `canPublish` or `isUp` has become true again. */
  onWritable(): void;
  /** For good: refused, taken over, or unreachable for too long. The error says what the client is told. */
  onEnded(error: GatewayError): void;
}

/** MQTT CONNECT identity of one client. */
export interface UpstreamIdentity {
  readonly clientId: string;
  /** Undefined: no user name in CONNECT. */
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/** Creates the broker side of sessions. */
export interface Upstream {
  /** Whether INFO should ask for credentials because the broker does. */
  readonly requiresCredentials: boolean;
  /** Payload bound of INFO: the broker's Maximum Packet Size less room for headers; Infinity when unknown. */
  readonly maxPayloadBytes: number;
  /** @param identify the client's MQTT identity; called, and may throw, only where it is needed */
  open(identify: () => UpstreamIdentity, listener: UpstreamListener): UpstreamPort;
}
