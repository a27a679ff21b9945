/**
 * What a primary asks its workers on behalf of operators, and what they answer. Types, and the check of what arrives. Both
 * run the same release, so an answer that fails the check is a bug.
 */
import type { ClientPage, ClientQuery, SubscriptionPage, SubscriptionQuery } from '../control/client-view.ts';
import type {
  CertificateView,
  GatewayControl,
  ListenerView,
  Readiness,
  UpstreamView,
} from '../control/gateway-control.ts';

/** What each kind of question is asked with, and answered by. */
export interface ControlQuestions {
  readonly readiness: { readonly about: null; readonly answer: Readiness };
  readonly clients: { readonly about: ClientQuery; readonly answer: ClientPage };
  readonly subscriptions: { readonly about: SubscriptionQuery; readonly answer: SubscriptionPage };
  readonly kick: { readonly about: Parameters<GatewayControl['kick']>[0]; readonly answer: number };
  readonly listeners: { readonly about: null; readonly answer: readonly ListenerView[] };
  readonly upstream: { readonly about: null; readonly answer: readonly UpstreamView[] };
  readonly certificates: { readonly about: null; readonly answer: readonly CertificateView[] };
}

/** A key of {@link ControlQuestions}. */
export type ControlKind = keyof ControlQuestions;

/** A question of one kind. */
export interface ControlQuestion<K extends ControlKind = ControlKind> {
  readonly kind: K;
  readonly about: ControlQuestions[K]['about'];
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isList = (value: unknown): boolean => Array.isArray(value) && value.every(isFields);
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const isPage = (value: unknown, list: string): boolean =>
  isFields(value) && isCount(value.total) && isList(value[list]);

const QUESTION_CHECKS: Readonly<Record<ControlKind, (about: unknown) => boolean>> = {
  readiness: (about) => about === null,
  clients: (about) => isFields(about) && isCount(about.offset) && isCount(about.limit),
  subscriptions: (about) => isFields(about) && isCount(about.offset) && isCount(about.limit),
  kick: (about) => isFields(about) && (isCount(about.cid) || typeof about.user === 'string'),
  listeners: (about) => about === null,
  upstream: (about) => about === null,
  certificates: (about) => about === null,
};

const ANSWER_CHECKS: Readonly<Record<ControlKind, (answer: unknown) => boolean>> = {
  readiness: (answer) => isFields(answer) && Array.isArray(answer.reasons),
  clients: (answer) => isPage(answer, 'clients'),
  subscriptions: (answer) => isPage(answer, 'subscriptions'),
  kick: isCount,
  listeners: isList,
  upstream: isList,
  certificates: isList,
};

/** Whether something is a question, as far as that can be told quickly. */
export function isControlQuestion(value: unknown): value is ControlQuestion {
  return isFields(value) && isKind(value.kind) && QUESTION_CHECKS[value.kind](value.about);
}

/** Whether something answers a question of this kind, as far as that can be told quickly. */
export function isControlAnswer(kind: unknown, answer: unknown): boolean {
  return isKind(kind) && ANSWER_CHECKS[kind](answer);
}

function isKind(value: unknown): value is ControlKind {
  return typeof value === 'string' && Object.hasOwn(ANSWER_CHECKS, value);
}
