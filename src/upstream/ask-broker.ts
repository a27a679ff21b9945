/** Asks a broker whether it is there: CONNECT, then DISCONNECT, and nothing in between. */
import { randomBytes } from 'node:crypto';
import type { BrokerOptions } from './connect-options.ts';
import { type LinkEnd, MqttLink } from './mqtt-link.ts';
import type { ServiceAccount } from './probe/probe.ts';

/**
 * Never rejects, and takes no longer than `connectTimeoutMs`.
 * @param service the gateway's own account, or null
 * @returns why there is no session, or null
 */
export function askBroker(
  broker: BrokerOptions,
  service: ServiceAccount | null,
  signal: AbortSignal,
): Promise<LinkEnd | null> {
  const clientId = `nmg-check-${randomBytes(9).toString('hex')}`;
  const identity = { clientId, username: service?.username, password: service?.password };
  return new Promise((resolve) => {
    const link = new MqttLink(broker, identity, {
      onConnected: () => link.close(() => settle(null)),
      onMessage: () => {},
      onAnswer: () => {},
      onDrain: () => {},
      onEnd: (end) => settle(end),
    });
    const onAbort = (): void => {
      link.destroy();
      settle({ kind: 'lost', detail: 'nobody waits for the answer' });
    };
    const settle = (end: LinkEnd | null): void => {
      signal.removeEventListener('abort', onAbort);
      resolve(end);
    };
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
  });
}
