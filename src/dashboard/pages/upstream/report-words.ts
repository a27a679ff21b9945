/** The capability report of the broker, in words. Pure; what it does not know it leaves out. */
import { formatBytes, formatCount } from '../../format/numbers.ts';
import { isRecord, valueAt } from '../../format/values.ts';

type Report = Readonly<Record<string, unknown>>;

/** Something that NATS clients go without. */
export interface Limitation {
  readonly id: string;
  readonly severity: 'error' | 'warn' | 'info';
  readonly meaning: string;
}

/** @returns what clients go without, as the report says it */
export function limitationsOf(report: Report): Limitation[] {
  const list = report.limitations;
  if (!Array.isArray(list)) return [];
  return list.filter(isRecord).map(({ id, severity, meaning }) => ({
    id: String(id),
    severity: severity === 'error' || severity === 'warn' ? severity : 'info',
    meaning: sentence(String(meaning)),
  }));
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** One thing the broker was asked. */
export interface Finding {
  readonly question: string;
  readonly answer: string;
  /** Whether that is what NATS clients would wish for; null: neither, or not known. */
  readonly isGood: boolean | null;
}

const NOT_KNOWN = 'not known';

/** A question that is answered by yes or no. */
function yesNo(value: unknown, question: string, yes: string, no: string): Finding {
  if (typeof value !== 'boolean') return { question, answer: NOT_KNOWN, isGood: null };
  return { question, answer: value ? yes : no, isGood: value };
}

const FATES: Readonly<Record<string, string>> = {
  works: 'pass',
  rewritten: 'arrive under another topic',
  swallowed: 'are acknowledged and lost',
  unacknowledged: 'are lost without an acknowledgement',
  refused: 'are refused',
  disconnects: 'end the session of the publisher',
};

function fate(value: unknown, question: string): Finding {
  if (typeof value !== 'string') return { question, answer: NOT_KNOWN, isGood: null };
  return { question, answer: FATES[value] ?? value, isGood: value === 'works' };
}

function inverted(finding: Finding): Finding {
  return { ...finding, isGood: finding.isGood === null ? null : !finding.isGood };
}

/** @returns what the broker said on connecting, and what a few test messages have shown */
export function findingsOf(report: Report): Finding[] {
  const at = (path: string): unknown => valueAt(report, path);
  return [
    { question: 'Protocol', answer: `MQTT ${String(report.protocolVersion ?? '5')}`, isGood: null },
    ...limitFindings(at),
    yesNo(at('limits.wildcardSubscriptions'), 'Wildcard subscriptions', 'offered', 'not offered'),
    yesNo(at('limits.retain'), 'Retained messages', 'kept', 'not kept'),
    yesNo(
      at('strategy.sharedSubscriptions'),
      'Queue groups',
      'formed by the broker, over all gateways',
      'formed within this gateway only',
    ),
    yesNo(
      at('probe.noMatchingSubscribers'),
      'Requests without a listener',
      'fail at once (503)',
      'time out: the broker does not tell',
    ),
    yesNo(
      at('limits.subscriptionIdentifiers'),
      'Subscription identifiers',
      'offered',
      'not offered: the gateway matches by itself',
    ),
    fate(at('probe.dollarTopics'), 'Topics that begin with $'),
    fate(at('probe.dots'), 'Topics with a dot in a level'),
    inverted(
      yesNo(
        at('probe.delaysSmallWrites'),
        'Small writes',
        'held back for up to 40 ms (Nagle)',
        'sent at once',
      ),
    ),
    inverted(yesNo(at('probe.requiresCredentials'), 'Sessions without credentials', 'refused', 'accepted')),
  ].map((finding) => (finding.question.startsWith('Sessions') ? { ...finding, isGood: null } : finding));
}

function limitFindings(at: (path: string) => unknown): Finding[] {
  const found: Finding[] = [];
  const packet = at('limits.maximumPacketBytes');
  if (at('limits') !== null && at('limits') !== undefined)
    found.push({
      question: 'Largest packet',
      answer: typeof packet === 'number' ? formatBytes(packet) : 'no limit given',
      isGood: null,
    });
  const receiveMaximum = at('limits.receiveMaximum');
  if (typeof receiveMaximum === 'number')
    found.push({
      question: 'Unacknowledged per session',
      answer: `up to ${formatCount(receiveMaximum)}`,
      isGood: null,
    });
  return found;
}
