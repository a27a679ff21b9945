/** A worker's part in the taps of its primary. */
import type { GatewayControl } from '../control/gateway-control.ts';
import type { TapHandle } from '../control/tap.ts';
import type { TapOrder } from './cluster-taps.ts';
import type { WorkerMessage } from './messages.ts';

/** See the head of the file. */
export class WorkerTaps {
  readonly #send: (message: WorkerMessage) => void;
  readonly #open = new Map<number, Promise<TapHandle>>();

  constructor(send: (message: WorkerMessage) => void) {
    this.#send = send;
  }

  /** @throws {GatewayError} when the gateway does not take it, which the primary should have known */
  async obey(order: TapOrder, gateway: Pick<GatewayControl, 'tap'>): Promise<void> {
    const { id } = order;
    if (order.type === 'close-tap') {
      const handle = await this.#open.get(id);
      handle?.close();
      return;
    }
    const opening = gateway.tap(order.request, (message) => {
      if (message.type === 'ended') this.#open.delete(id);
      else this.#send({ type: 'tap', id, message });
    });
    this.#open.set(id, opening);
    await opening;
  }
}
