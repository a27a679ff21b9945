/** Takes operations from a parser and writes them down as text, one line each; bytes as latin1. */

import { GatewayError } from '../../../src/errors.ts';
import type { PublishOp, SubscribeOp, UnsubscribeOp } from '../../../src/nats/operations.ts';
import { Parser, type ParserSession } from '../../../src/nats/parser.ts';

export class Recorder implements ParserSession {
  maxPayloadBytes = 1_048_576;
  hasHeaders = true;
  /** Taken operations. */
  readonly operations: string[] = [];
  /** Sizes asked about by `onPublishIncomplete`, refused or not. */
  readonly incomplete: number[] = [];
  /** Whether the next call is refused. */
  refuses: () => boolean = () => false;
  /** Sees each PUB that is taken, while it is valid. */
  onTaken: (op: PublishOp) => void = () => undefined;

  onConnect(line: Buffer, start: number, end: number): boolean {
    return this.#take(`CONNECT ${line.toString('latin1', start, end)}`);
  }

  onPublishIncomplete(totalBytes: number): boolean {
    this.incomplete.push(totalBytes);
    return !this.refuses();
  }

  onPublish(op: PublishOp): boolean {
    const name = (start: number, end: number) => op.line.toString('latin1', start, end);
    const part = (start: number, end: number) => JSON.stringify(op.body.toString('latin1', start, end));
    const reply = op.replyStart === op.replyEnd ? '' : ` reply=${name(op.replyStart, op.replyEnd)}`;
    const headers =
      op.headerStart === op.payloadStart ? '' : ` headers=${part(op.headerStart, op.payloadStart)}`;
    const names = `${name(op.subjectStart, op.subjectEnd)}${reply}`;
    const isTaken = this.#take(`PUB ${names}${headers} payload=${part(op.payloadStart, op.payloadEnd)}`);
    if (isTaken) this.onTaken(op);
    return isTaken;
  }

  onSubscribe(op: SubscribeOp): boolean {
    const name = (start: number, end: number) => op.line.toString('latin1', start, end);
    const queue = op.queueStart === op.queueEnd ? '' : ` queue=${name(op.queueStart, op.queueEnd)}`;
    return this.#take(
      `SUB ${name(op.subjectStart, op.subjectEnd)}${queue} sid=${name(op.sidStart, op.sidEnd)}`,
    );
  }

  onUnsubscribe(op: UnsubscribeOp): boolean {
    return this.#take(`UNSUB ${op.line.toString('latin1', op.sidStart, op.sidEnd)} max=${op.max}`);
  }

  onPing(): boolean {
    return this.#take('PING');
  }

  onPong(): boolean {
    return this.#take('PONG');
  }

  #take(text: string): boolean {
    if (this.refuses()) return false;
    this.operations.push(text);
    return true;
  }
}

/** What came out of a run: operations, then the code of the error if there was one. */
export interface Outcome {
  readonly operations: readonly string[];
  readonly error: string | null;
}

/**
 * Pushes the chunks; a held parser is resumed at once, as often as it takes.
 * @throws whatever is thrown and is no `GatewayError`
 */
export function parse(
  chunks: Iterable<Buffer>,
  recorder = new Recorder(),
  maxControlLineBytes = 4096,
): Outcome {
  const parser = new Parser(recorder, { maxControlLineBytes });
  try {
    for (const chunk of chunks) {
      parser.push(chunk);
      while (parser.isHeld) parser.resume();
    }
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { operations: recorder.operations, error: error.code };
  }
  return { operations: recorder.operations, error: null };
}

/** One byte per chunk. */
export function* singleBytes(input: Buffer): Generator<Buffer> {
  for (let at = 0; at < input.length; at++) yield input.subarray(at, at + 1);
}
