/**
 * From CONNECT to an identity: what the client has shown, who is asked about it, and what is kept until the client is gone.
 * Sends nothing; the session acts on the outcome.
 */
import { randomBytes } from 'node:crypto';
import type { AccessPoint } from '../auth/access-point.ts';
import type { Credentials } from '../auth/authenticator.ts';
import type { ClientOrigin, Decision } from '../auth/chain.ts';
import type { FailureDelay } from '../auth/failure-delay.ts';
import type { ConnectOptions } from '../nats/operations.ts';
import type { Clock } from '../util/clock.ts';
import type { PeerInfo } from './ports.ts';

/** As nats-server makes them: 15 characters. */
const NONCE_BYTES = 11;

/** What an {@link Admission} is made of. */
export interface AdmissionParts {
  readonly peer: PeerInfo;
  readonly access: AccessPoint;
  readonly failureDelay: FailureDelay;
  readonly clock: Clock;
}

const NOBODY: Decision = { kind: 'unknown' };

/** One client's way in. */
export class Admission {
  /** For INFO; empty when no method needs one. */
  readonly nonce: string;
  readonly #parts: AdmissionParts;
  /** Made for the first question: with its listeners it is as large as much of a session. */
  #gone: AbortController | null = null;
  #isGone = false;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
    const { chain } = parts.access.rules;
    this.nonce = chain?.needsNonce === true ? randomBytes(NONCE_BYTES).toString('base64url') : '';
  }

  /** Whether a client has to show something. */
  get isRequired(): boolean {
    const { chain, anonymous } = this.#parts.access.rules;
    return chain !== null && anonymous === null;
  }

  /** Whether it takes time to find out who a client is; if not, everyone may come in as nobody in particular. */
  get isAsked(): boolean {
    return this.#parts.access.rules.chain !== null || this.#delayMs > 0;
  }

  /** Never throws. @returns null when nobody had to be asked */
  async admit(connect: ConnectOptions): Promise<Decision | null> {
    if (this.#delayMs > 0) await this.#wait(this.#delayMs);
    return await this.admitAgain(connect);
  }

  /** As {@link Admission.admit}, for a client that is in already. */
  async admitAgain(connect: ConnectOptions): Promise<Decision | null> {
    const { peer, access } = this.#parts;
    const { rules } = access;
    const { chain, anonymous } = rules;
    if (chain === null) return null;
    if (this.#isGone) return NOBODY;
    const shown = credentialsOf(connect, peer, this.nonce);
    if (anonymous !== null && showsNothing(shown)) return { kind: 'accept', identity: anonymous };
    const decision = await chain.authenticate(shown, originOf(peer), this.#signal);
    // What has been replaced meanwhile has no say any more.
    return access.rules === rules ? decision : await this.admitAgain(connect);
  }

  /** The client is gone: nobody is asked about it any longer. */
  close(): void {
    this.#isGone = true;
    this.#gone?.abort(new Error('the client has left'));
  }

  get #signal(): AbortSignal {
    this.#gone ??= new AbortController();
    return this.#gone.signal;
  }

  get #delayMs(): number {
    return this.#parts.failureDelay.delayMsOf(this.#parts.peer.remoteAddress);
  }

  #wait(delayMs: number): Promise<void> {
    const { clock } = this.#parts;
    return new Promise((resolve) => {
      const timer = clock.setTimeout(resolve, delayMs);
      const onGone = (): void => {
        clock.clearTimeout(timer);
        resolve();
      };
      this.#signal.addEventListener('abort', onGone, { once: true });
    });
  }
}

function credentialsOf(connect: ConnectOptions, peer: PeerInfo, nonce: string): Credentials {
  return {
    user: connect.user,
    pass: connect.pass,
    token: connect.auth_token,
    jwt: connect.jwt,
    nkey: connect.nkey,
    sig: connect.sig,
    nonce,
    clientName: connect.name,
    listener: peer.listener,
    transport: peer.transport,
    isTls: peer.tls?.session != null,
    remoteAddress: peer.remoteAddress,
    certificate: peer.tls?.identifiesClient === true ? (peer.tls.session?.certificate ?? null) : null,
  };
}

/** Empty texts count as nothing, as in nats-server. */
function showsNothing({ user, pass, token, jwt, nkey, sig, certificate }: Credentials): boolean {
  return [user, pass, token, jwt, nkey, sig].every((text) => text === '') && certificate === null;
}

function originOf({ cid, listener, remoteAddress, remotePort }: PeerInfo): ClientOrigin {
  return { cid, listener, remote: `${remoteAddress}:${remotePort}` };
}
