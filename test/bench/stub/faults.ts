/**
 * What the stub broker does wrong when asked to: one message lost, doubled or overtaken. Shows that the bench notices.
 */
import type { PublishFrame } from '../wire/frame-splitter.ts';
import type { Intake } from './broker.ts';
import type { StubConnection } from './connection.ts';

/** A fault of the stub broker. */
export type Fault = 'drop' | 'duplicate' | 'swap';

/** Which of the measured messages is hit. */
const VICTIM = 1_000;

/** @returns an intake that does one thing wrong; messages of the gateway's own are spared */
export function faultyIntake(fault: Fault, take: Intake): Intake {
  let count = 0;
  let held: PublishFrame | null = null;
  return (connection: StubConnection, frame: PublishFrame): void => {
    const isOwn = frame.buffer[frame.topicStart] === 0x5f;
    if (isOwn || ++count !== VICTIM) {
      take(connection, frame);
      if (held !== null && !isOwn) {
        take(connection, held);
        held = null;
      }
      return;
    }
    if (fault === 'duplicate') {
      take(connection, frame);
      take(connection, frame);
    }
    if (fault === 'swap') held = { ...frame, buffer: Buffer.from(frame.buffer) };
  };
}
