/** Views of clients for tests that need many of them. */
import type { ClientView } from '../../src/control/client-view.ts';

/** A connected client of which only what is given is worth looking at. */
export function clientView(given: Partial<ClientView>): ClientView {
  return {
    cid: 1,
    worker: 0,
    state: 'ready',
    listener: 'tcp',
    transport: 'tcp',
    address: '127.0.0.1',
    port: 40_000,
    startMs: 1_000,
    lastActivityMs: 1_000,
    stopMs: null,
    reason: null,
    rttMs: null,
    pendingBytes: 0,
    inMessages: 0,
    outMessages: 0,
    inBytes: 0,
    outBytes: 0,
    subscriptions: 0,
    name: '',
    lang: '',
    version: '',
    user: '',
    method: '',
    account: '',
    tls: null,
    mqttClientId: '',
    mountpoint: '',
    expiresMs: null,
    ...given,
  };
}
