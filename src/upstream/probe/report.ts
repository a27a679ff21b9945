/**
 * What a probe has found out about a broker. Data only: what follows from it is decided elsewhere.
 */
import type { OverlapShape } from '../filter-index.ts';

/** What becomes of publications to topics of one kind. */
export type TopicFate =
  | 'works'
  /** They arrive under another topic. */
  | 'rewritten'
  /** They are acknowledged, and nobody gets them. */
  | 'swallowed'
  /** Nobody gets them, and with QoS 1 not even an acknowledgement comes: the session is lost over it. */
  | 'unacknowledged'
  /** A negative acknowledgement comes that is no matter of permissions. */
  | 'refused'
  /** The broker ends the session of the publisher. */
  | 'disconnects';

/** Answers; null where the broker did not let the probe find out, by an access list for instance. */
export interface ProbeReport {
  /** The broker refuses sessions without credentials. */
  readonly requiresCredentials: boolean | null;
  /** It has refused MQTT 5 and taken a session of MQTT 3.1.1. */
  readonly speaksOnlyMqtt311: boolean | null;
  /** The acknowledgement of a publication says so when nobody is subscribed (reason code 0x10). */
  readonly noMatchingSubscribers: boolean | null;
  readonly overlap: OverlapShape | null;
  /** Filters of one session share a copy only with those of the same QoS. */
  readonly splitsByQoS: boolean | null;
  /** `$share` filters are served, not only granted. */
  readonly sharedSubscriptions: boolean | null;
  /** A session with the same filter shared and plain does not get exactly one copy for each. */
  readonly mixesSharedAndPlain: boolean | null;
  /** Topics that begin with `$`. */
  readonly dollarTopics: TopicFate | null;
  /** `#` and `+` in the first level match topics that begin with `$`, against the specification. */
  readonly wildcardsMatchDollar: boolean | null;
  /** Topics with a `.` inside a level. */
  readonly dots: TopicFate | null;
  /** Two small writes in a row reach us 40 ms apart (Nagle's algorithm at the broker, delayed ACK here). */
  readonly delaysSmallWrites: boolean | null;
}

/** Nothing is known. */
export const UNKNOWN_REPORT: ProbeReport = {
  requiresCredentials: null,
  speaksOnlyMqtt311: null,
  noMatchingSubscribers: null,
  overlap: null,
  splitsByQoS: null,
  sharedSubscriptions: null,
  mixesSharedAndPlain: null,
  dollarTopics: null,
  wildcardsMatchDollar: null,
  dots: null,
  delaysSmallWrites: null,
};
