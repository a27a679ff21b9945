/**
 * Drivers read what a database says inside the event of its socket, and some throw there at bytes that make no sense:
 * nobody could catch it, and the process would end.
 */
import type { Duplex } from 'node:stream';

/** Turns what the listeners of `data` throw into the end of the stream, with that error. */
export function guardStream(stream: Duplex): void {
  const emit = stream.emit.bind(stream) as (event: string | symbol, ...values: unknown[]) => boolean;
  stream.emit = (event: string | symbol, ...values: unknown[]): boolean => {
    if (event !== 'data') return emit(event, ...values);
    try {
      return emit(event, ...values);
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error('unreadable data'));
      return true;
    }
  };
}
