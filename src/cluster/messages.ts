/**
 * What primary and workers say to each other, and the check of what arrives. Both run the same release, so a message
 * that fails the check is a bug. Knows neither processes nor gateways.
 */

import type { Config } from '../config/config.ts';
import type { TapMessage } from '../control/tap.ts';
import { ERRORS, type ErrorCode, GatewayError } from '../errors.ts';
import type { ProcessStatus } from '../metrics/gateway-view.ts';
import { NO_USAGE } from '../metrics/upstream-usage.ts';
import type { ListenerAddress } from '../transport/listener.ts';
import type { TapOrder } from './cluster-taps.ts';
import {
  type ControlKind,
  type ControlQuestion,
  isControlAnswer,
  isControlQuestion,
} from './control-question.ts';

/** What a worker needs to begin. Holds secrets: it travels between the two processes only. */
export interface StartMessage {
  readonly type: 'start';
  readonly worker: number;
  readonly config: Config;
  readonly serverId: string;
  readonly cidBase: number;
}

/** From the primary to a worker. */
export type PrimaryMessage =
  | StartMessage
  /** The answer to `ask`. */
  | { readonly type: 'decision'; readonly cid: number; readonly isAdmitted: boolean }
  /** Whether clients of other workers are without the broker. */
  | { readonly type: 'others'; readonly areAway: boolean }
  /** The broker has answered another worker. */
  | { readonly type: 'answered' }
  | { readonly type: 'report' }
  /** An operator wants to know, or to have something done. */
  | { readonly type: 'ask-control'; readonly id: number; readonly question: ControlQuestion }
  /** Show messages to the primary, or no more. */
  | TapOrder
  /** Take over what can be changed. Holds secrets, as `start` does. */
  | { readonly type: 'reload'; readonly id: number; readonly config: Config }
  /** Clients that are more than a lowered limit allows. */
  | { readonly type: 'surplus'; readonly cids: readonly number[] }
  /** Send clients elsewhere, and end them one by one. */
  | { readonly type: 'lameDuck' }
  | { readonly type: 'stop'; readonly isDrain: boolean };

/** From a worker to the primary. */
export type WorkerMessage =
  /** The program is loaded; the worker waits for `start`. */
  | { readonly type: 'loaded' }
  | { readonly type: 'ready'; readonly addresses: readonly ListenerAddress[] }
  /** It could not start and ends. */
  | {
      readonly type: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
      readonly context: Record<string, unknown>;
    }
  /** May this client be served? */
  | { readonly type: 'ask'; readonly cid: number; readonly listener: string }
  /** A client that was asked for is gone. */
  | { readonly type: 'left'; readonly cid: number }
  /** Whether clients of this worker are without the broker. */
  | { readonly type: 'away'; readonly areAway: boolean }
  /** The broker answers again. */
  | { readonly type: 'answered' }
  /** The answer to `reload`; if it is not taken over, nothing has changed. */
  | {
      readonly type: 'reloaded';
      readonly id: number;
      readonly isTaken: boolean;
      readonly reason: string;
      readonly addresses: readonly ListenerAddress[];
    }
  /** After `lameDuck`: no client is left. */
  | { readonly type: 'retired' }
  /** The answer to `report`. */
  | { readonly type: 'status'; readonly status: ProcessStatus }
  /** The answer to `ask-control`; null where the worker cannot tell. */
  | {
      readonly type: 'control-answer';
      readonly id: number;
      readonly kind: ControlKind;
      readonly isKnown: boolean;
      readonly answer: unknown;
    }
  /** What a tap shows. */
  | { readonly type: 'tap'; readonly id: number; readonly message: TapMessage }
  /** The last message. */
  | { readonly type: 'stopped'; readonly status: ProcessStatus };

type Fields = Readonly<Record<string, unknown>>;
type Check = (fields: Fields) => boolean;

const isText = (value: unknown): boolean => typeof value === 'string';
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isFlag = (value: unknown): boolean => typeof value === 'boolean';
const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isUsage = (value: unknown): boolean =>
  isRecord(value) && Object.keys(NO_USAGE).every((name) => isCount(value[name]));

const isStatus = (value: unknown): boolean =>
  isRecord(value) &&
  isCount(value.connections) &&
  isRecord(value.subscriptions) &&
  isCount(value.subscriptions.plain) &&
  isCount(value.subscriptions.queue) &&
  isUsage(value.upstream) &&
  isCount(value.pendingBytes) &&
  isRecord(value.counters);

const isTapRequest = (value: unknown): boolean =>
  isRecord(value) && isCount(value.durationMs) && isCount(value.maxPerSecond) && isCount(value.payloadBytes);

const isTapMessage = (value: unknown): boolean =>
  isRecord(value) && (isRecord(value.event) || isCount(value.count));

const isAddress = (value: unknown): boolean =>
  isRecord(value) && isText(value.name) && isText(value.type) && isText(value.host) && isCount(value.port);

const areAddresses = (value: unknown): boolean => Array.isArray(value) && value.every(isAddress);

const FROM_PRIMARY: Readonly<Record<PrimaryMessage['type'], Check>> = {
  start: ({ worker, config, serverId, cidBase }) =>
    isCount(worker) && isRecord(config) && isText(serverId) && isCount(cidBase),
  decision: ({ cid, isAdmitted }) => isCount(cid) && isFlag(isAdmitted),
  others: ({ areAway }) => isFlag(areAway),
  answered: () => true,
  report: () => true,
  'open-tap': ({ id, request }) => isCount(id) && isTapRequest(request),
  'close-tap': ({ id }) => isCount(id),
  'ask-control': ({ id, question }) => isCount(id) && isControlQuestion(question),
  reload: ({ id, config }) => isCount(id) && isRecord(config),
  surplus: ({ cids }) => Array.isArray(cids) && cids.every(isCount),
  lameDuck: () => true,
  stop: ({ isDrain }) => isFlag(isDrain),
};

const FROM_WORKER: Readonly<Record<WorkerMessage['type'], Check>> = {
  loaded: () => true,
  ready: ({ addresses }) => areAddresses(addresses),
  failed: ({ code, message, context }) =>
    isText(code) && Object.hasOwn(ERRORS, String(code)) && isText(message) && isRecord(context),
  ask: ({ cid, listener }) => isCount(cid) && isText(listener),
  left: ({ cid }) => isCount(cid),
  away: ({ areAway }) => isFlag(areAway),
  answered: () => true,
  reloaded: ({ id, isTaken, reason, addresses }) =>
    isCount(id) && isFlag(isTaken) && isText(reason) && areAddresses(addresses),
  retired: () => true,
  status: ({ status }) => isStatus(status),
  'control-answer': ({ id, kind, isKnown, answer }) =>
    isCount(id) && isFlag(isKnown) && (isKnown ? isControlAnswer(kind, answer) : answer === null),
  tap: ({ id, message }) => isCount(id) && isTapMessage(message),
  stopped: ({ status }) => isStatus(status),
};

/** @throws {GatewayError} `GW_INTERNAL` when this is no message of the primary */
export function readPrimaryMessage(value: unknown): PrimaryMessage {
  return read(value, FROM_PRIMARY) as PrimaryMessage;
}

/** @throws {GatewayError} `GW_INTERNAL` when this is no message of a worker */
export function readWorkerMessage(value: unknown): WorkerMessage {
  return read(value, FROM_WORKER) as WorkerMessage;
}

function read(value: unknown, checks: Readonly<Record<string, Check>>): unknown {
  const type = isRecord(value) && typeof value.type === 'string' ? value.type : '';
  const check = Object.hasOwn(checks, type) ? checks[type] : undefined;
  if (check !== undefined && isRecord(value) && check(value)) return value;
  // Without its content, which may be a configuration.
  throw new GatewayError('GW_INTERNAL', `a message between processes is malformed (type "${type}")`);
}

/** An error in a form that can be sent: what it is about, as far as it is plain. */
export function failedMessage(error: GatewayError): WorkerMessage {
  const plain = Object.entries(error.context).filter(([, value]) =>
    ['string', 'number', 'boolean'].includes(typeof value),
  );
  const { code, message } = error;
  return { type: 'failed', code, message, context: Object.fromEntries(plain) };
}
