/**
 * One client's bytes: input to the parser, output to the stream, and the orderly end of both.
 * Must not know what operations mean, nor what carries the bytes.
 */
import type { CloseReason } from '../close-reason.ts';
import type { ClientView } from '../control/client-view.ts';
import { GatewayError } from '../errors.ts';
import { writeErr } from '../nats/encoder.ts';
import { Parser } from '../nats/parser.ts';
import type { ClientPort, ClientSession, PeerInfo, SessionView } from '../session/ports.ts';
import { describeBug } from '../util/bug.ts';
import type { TimerHandle } from '../util/clock.ts';
import type { OutputBuffer } from '../util/output-buffer.ts';
import type { ByteStream, ByteStreamHandlers } from './byte-stream.ts';
import { LiveClientView, plainClient } from './client-views.ts';
import type { ConnectionContext, ConnectionObserver, ConnectionParts } from './connection-context.ts';
import type { Flushable } from './flush-scheduler.ts';
import type { InputHolder } from './input-account.ts';
import { InputPace } from './input-pace.ts';
import type { PendingHolder } from './pending-account.ts';
import { OutputTrace, TracedSession } from './protocol-trace.ts';
import { WriteQueue, type WriteQueueOwner } from './write-queue.ts';

/** How long input is read and thrown away after our last byte, so that no RST overtakes an `-ERR`. */
const LINGER_MS = 1000;

/** Output of one turn that may be added between two looks at the limits. */
const UNCHECKED_BYTES = 64 * 1024;

/**
 * `open`: operations are taken. `flushing`: the session has ended, its last output is being written. `lingering`:
 * our side is closed, input is discarded until the peer closes too. `closed`: nothing is left.
 */
type State = 'open' | 'flushing' | 'lingering' | 'closed';

/** See {@link ClientPort}. */
export class Connection
  implements ClientPort, ByteStreamHandlers, WriteQueueOwner, Flushable, PendingHolder, InputHolder
{
  readonly peer: PeerInfo;
  readonly output: OutputBuffer;
  /** Milliseconds since 1970. */
  readonly startMs = Date.now();
  /** Unfinished input as last reported to the account. */
  inputBytes = 0;
  readonly #stream: ByteStream;
  readonly #context: ConnectionContext;
  readonly #observer: ConnectionObserver<Connection>;
  readonly #session: ClientSession;
  readonly #parser: Parser;
  readonly #writes: WriteQueue;
  #state: State = 'open';
  #closeReason: CloseReason = 'Client Closed';
  /** Of the state: how long flushing, lingering, or holding for a client that is gone may take. */
  #timer: TimerHandle | undefined;
  #reportedPending = 0;
  #isFlushScheduled = false;
  /** Length of `output` at which the limits are looked at again before the flush. */
  #nextCheckBytes = 0;
  #isParsing = false;
  /** A handler asked for a retry while it was itself being called. */
  #wantsResume = false;
  #isPaused = false;
  #isInputAllowed = true;
  readonly #pace: InputPace | null;
  /** Of the parser, as last told to the pace. */
  #pacedPublications = 0;
  /** While the client has to rest. */
  #restTimer: TimerHandle | undefined;
  #isAdmitted = true;
  /** No more input will come. */
  #isAtEnd = false;
  /** Set when the stream is gone although received operations are still held. */
  #goneReason: CloseReason | null = null;

  constructor(parts: ConnectionParts<Connection>) {
    const { limits, clock, pending, logger } = parts.context;
    this.peer = parts.peer;
    this.#stream = parts.stream;
    this.#context = parts.context;
    this.#observer = parts.observer;
    const isTraced = logger.isLevelEnabled('trace');
    const trace = isTraced ? new OutputTrace(logger, parts.peer.cid) : null;
    this.#writes = new WriteQueue(parts.stream, limits, clock, this, trace);
    this.output = this.#writes.output;
    this.#session = parts.createSession(this);
    const taker = isTraced ? new TracedSession(this.#session, logger, parts.peer.cid) : this.#session;
    this.#parser = new Parser(taker, limits);
    this.#pace = parts.pace === null ? null : new InputPace(parts.pace, clock);
    pending.join(this);
  }

  /**
   * Starts session and reading. What the session writes first (INFO) leaves at once, as a write of its own.
   * @param options `isAdmitted: false`: nothing is read before {@link Connection.admit}
   */
  start(options: { readonly isAdmitted: boolean } = { isAdmitted: true }): void {
    this.#stream.attach(this);
    this.#isAdmitted = options.isAdmitted;
    this.#updateReading();
    this.#guarded(() => this.#session.start());
    if (this.#state === 'open') this.#writes.flush();
  }

  /** The client may be served. */
  admit(): void {
    this.#isAdmitted = true;
    if (this.#state === 'open') this.#updateReading();
  }

  get pendingBytes(): number {
    return this.#writes.pendingBytes;
  }

  get sessionView(): SessionView {
    return this.#session.view;
  }

  describe(): ClientView {
    return plainClient(new LiveClientView(this));
  }

  get isHeld(): boolean {
    return this.#parser.isHeld;
  }

  /** Whether bytes of the client are being read; if not, its silence says nothing. */
  get isReading(): boolean {
    return !this.#isPaused;
  }

  flushSoon(): void {
    // One message among many of this turn: it is counted with the others.
    if (this.#isFlushScheduled && this.output.length < this.#nextCheckBytes) return;
    if (this.#state !== 'open') return;
    if (this.#goneReason !== null) {
      this.output.discard();
      return;
    }
    this.#reportPending();
    const { maxPendingBytes } = this.#context.limits;
    const { pendingBytes } = this;
    if (pendingBytes > maxPendingBytes) {
      this.cutSlowConsumer();
      return;
    }
    const unchecked = Math.min(UNCHECKED_BYTES, maxPendingBytes - pendingBytes);
    this.#nextCheckBytes = this.output.length + unchecked;
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    this.#context.scheduler.schedule(this);
  }

  flushNow(): void {
    this.#isFlushScheduled = false;
    if (this.#state !== 'open') return;
    this.#session.onOutput();
    this.#reportPending();
    this.#writes.flush();
  }

  onceFlushed(callback: () => void): void {
    if (this.#state !== 'open') return;
    this.#writes.onceFlushed(callback);
    this.flushSoon();
  }

  resume(): void {
    if (this.#isParsing) this.#wantsResume = true;
    else if (this.#state === 'open' && this.#parser.isHeld) {
      this.#parse(() => this.#parser.resume());
      this.#spend(0);
    }
  }

  fail(error: GatewayError): void {
    if (this.#state !== 'open') return;
    const { errText, closeReason } = error.effect;
    const composed = error.context.errText;
    const text = typeof composed === 'string' ? composed : errText;
    if (text !== null) {
      writeErr(this.output, text);
      this.#observer.onErrorSent(error.code);
    }
    if (closeReason !== null) this.close(closeReason);
    else if (text !== null) this.flushSoon();
  }

  close(reason: CloseReason): void {
    if (!this.#endSession(reason)) return;
    if (this.#goneReason !== null) {
      this.#finalize();
      return;
    }
    this.#timer = this.#context.clock.setTimeout(() => this.#destroy(), this.#context.limits.writeDeadlineMs);
    this.#writes.finish();
    // Input is read on and discarded: bytes left in the kernel would turn the close into a reset.
    this.#setPaused(false);
    if (this.#writes.isIdle) this.#linger(reason);
  }

  /** Ends the connection at once; queued output is lost. */
  abort(reason: CloseReason): void {
    this.#endSession(reason);
    this.#destroy();
  }

  cutSlowConsumer(): void {
    this.abort('Slow Consumer (Pending Bytes)');
  }

  onWriteStalled(): void {
    this.abort('Slow Consumer (Write Deadline)');
  }

  onWritten(): void {
    this.#reportPending();
    if (this.#state === 'flushing' && this.#writes.isIdle) this.#linger(this.#closeReason);
  }

  allowInput(): void {
    this.#isInputAllowed = true;
    if (this.#state === 'open') this.#updateReading();
  }

  cutStalledInput(): void {
    this.fail(new GatewayError('GW_STALE', 'client did not finish a message while memory is short'));
  }

  onData(chunk: Buffer): void {
    if (this.#state !== 'open') return;
    this.#parse(() => {
      this.#session.onActivity();
      this.#parser.push(chunk);
    });
    this.#spend(chunk.length);
  }

  onBuffered(): void {
    if (this.#state === 'open' && !this.#isParsing) this.#reportInput();
  }

  onEnd(): void {
    this.#isAtEnd = true;
    if (this.#state === 'open' && !this.#parser.isHeld) this.#endInput();
  }

  onViolation(reason: CloseReason): void {
    this.close(reason);
  }

  onClosed(reason: CloseReason): void {
    if (this.#state === 'open' && this.#parser.isHeld) {
      // The client has sent something, then left, and the broker could not take it yet. It is still owed.
      this.#isAtEnd = true;
      this.#goneReason = reason;
      this.#session.onClosing();
      this.#writes.discard();
      this.#reportPending();
      this.#timer = this.#context.clock.setTimeout(
        () => this.close(reason),
        this.#context.limits.writeDeadlineMs,
      );
      return;
    }
    this.#endSession(reason);
    this.#finalize();
  }

  #parse(run: () => void): void {
    this.#isParsing = true;
    try {
      run();
    } catch (error) {
      this.#onThrown(error);
    }
    this.#isParsing = false;
    if (this.#state !== 'open') return;
    if (this.#wantsResume) {
      this.#wantsResume = false;
      // In a later turn: a session that asks for it from each refusing handler must not stop the event loop.
      setImmediate(() => this.resume());
    }
    this.#reportInput();
    if (this.#isAtEnd && !this.#parser.isHeld) this.#endInput();
  }

  #endInput(): void {
    if (this.#goneReason !== null) this.close(this.#goneReason);
    else this.#guarded(() => this.#session.onEnd());
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#onThrown(error);
    }
  }

  /** The only place where what the parser and the session throw is caught. */
  #onThrown(error: unknown): void {
    if (error instanceof GatewayError) {
      this.fail(error);
      if (this.#state !== 'open') return;
    }
    this.#context.logger.error(
      { event: 'client.internal_error', cid: this.peer.cid, ...describeBug(error) },
      'a client connection is closed because of a bug in the gateway',
    );
    this.close('Internal Error');
  }

  #reportInput(): void {
    const bytes = this.#parser.bufferedBytes + this.#stream.bufferedBytes;
    if (bytes !== this.inputBytes || !this.#isInputAllowed) {
      const previousBytes = this.inputBytes;
      this.inputBytes = bytes;
      this.#isInputAllowed = this.#context.input.update(this, previousBytes, bytes);
    }
    this.#updateReading();
  }

  #spend(bytes: number): void {
    if (this.#pace !== null && this.#state === 'open') this.#rest(this.#pace, bytes);
  }

  /** Nothing is dropped: who sends too fast is not read for a while. */
  #rest(pace: InputPace, bytes: number): void {
    const { publications } = this.#parser;
    const restMs = pace.spend(publications - this.#pacedPublications, bytes);
    this.#pacedPublications = publications;
    if (this.#restTimer !== undefined) return;
    if (restMs > 0) {
      this.#restTimer = this.#context.clock.setTimeout(() => {
        this.#restTimer = undefined;
        // More may have come before the pause took hold: that is made up for, too.
        this.#spend(0);
      }, restMs);
    }
    this.#updateReading();
  }

  #updateReading(): void {
    const isResting = this.#restTimer !== undefined;
    this.#setPaused(this.#parser.isHeld || isResting || !this.#isInputAllowed || !this.#isAdmitted);
  }

  #setPaused(isPaused: boolean): void {
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#stream.pause();
    else this.#stream.resume();
  }

  #reportPending(): void {
    const delta = this.pendingBytes - this.#reportedPending;
    if (delta === 0) return;
    this.#reportedPending += delta;
    this.#context.pending.change(delta);
  }

  /** @returns false when it had ended before; the first reason wins */
  #endSession(reason: CloseReason): boolean {
    if (this.#state !== 'open') return false;
    this.#state = 'flushing';
    this.#closeReason = reason;
    this.#clearTimer();
    this.#context.clock.clearTimeout(this.#restTimer);
    this.#restTimer = undefined;
    this.#context.input.leave(this, this.inputBytes);
    this.inputBytes = 0;
    this.#observer.onClosing(this, reason);
    this.#session.onClosing();
    // Not from here: the caller may be the session itself, in the middle of a handler or of a delivery.
    process.nextTick(() => this.#guarded(() => this.#session.onClosed(reason)));
    return true;
  }

  #linger(reason: CloseReason): void {
    this.#state = 'lingering';
    this.#clearTimer();
    this.#timer = this.#context.clock.setTimeout(() => this.#destroy(), LINGER_MS);
    this.#stream.end(reason);
  }

  #destroy(): void {
    this.#clearTimer();
    this.#dropOutput();
    if (this.#goneReason === null) this.#stream.destroy();
    else this.#finalize();
  }

  #finalize(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#clearTimer();
    this.#dropOutput();
    this.#observer.onGone(this);
  }

  #dropOutput(): void {
    this.#writes.discard();
    this.#context.pending.leave(this, this.#reportedPending);
    this.#reportedPending = 0;
  }

  #clearTimer(): void {
    this.#context.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
