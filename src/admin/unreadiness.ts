/** Why the gateway is not ready, in the sense of `http.ready_without_broker`: one answer for the probes and the metrics. */
import type { ListenerView, Readiness } from '../control/gateway-control.ts';
import { BROKER_AWAY } from '../control/readiness.ts';
import type { AdminContext } from './context.ts';

/** @returns sentences; none: it is ready */
export function reasonsOfUnreadiness(
  { isReady, reasons }: Readiness,
  listeners: readonly ListenerView[],
  { http }: Pick<AdminContext, 'http'>,
): readonly string[] {
  const counted = http().readyWithoutBroker
    ? reasons.filter((reason) => !reason.startsWith(BROKER_AWAY))
    : reasons;
  if (!isReady && counted.length > 0) return counted;
  return listeners.every(({ state }) => state === 'listening') ? [] : ['not all listeners are open'];
}
