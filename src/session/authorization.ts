/**
 * What a client's identity means for its session, from the moment it is known: permissions, the end of its time, and what a
 * reload changes. The session says when; this file decides what.
 */
import type { AccessPoint } from '../auth/access-point.ts';
import type { Identity } from '../auth/authenticator.ts';
import type { Decision } from '../auth/chain.ts';
import { arePermissionsEqual } from '../auth/permissions.ts';
import { GatewayError } from '../errors.ts';
import { PERMISSIONS_CODE } from '../metrics/counters.ts';
import { permissionsSubscriptionRemoved, writeErr } from '../nats/encoder.ts';
import type { TimerHandle } from '../util/clock.ts';
import type { Admission } from './admission.ts';
import { ClientPermissions } from './client-permissions.ts';
import type { SessionContext } from './context.ts';

/** Longer timers fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** See the head of the file. */
export class Authorization {
  readonly #context: SessionContext;
  readonly #admission: Admission;
  readonly #access: AccessPoint;
  #expiry: TimerHandle | undefined;
  #isClosed = false;

  constructor(context: SessionContext, admission: Admission, access: AccessPoint) {
    this.#context = context;
    this.#admission = admission;
    this.#access = access;
  }

  /** Takes over who the client is; its names have to be known. */
  apply(identity: Identity | null): void {
    this.#context.identity = identity;
    this.#context.permissions = this.#permissionsOf(identity);
    this.#context.clock.clearTimeout(this.#expiry);
    if (identity !== null && identity.expiresAtMs !== null) this.#armExpiry(identity.expiresAtMs);
  }

  /**
   * Asks once more, with what the client has shown at first: the methods or the permissions have changed. As in nats-server, who
   * is refused is told so, who is not known any more is closed without a word, and subscriptions that are not allowed any more
   * end. Never throws.
   */
  async reauthorize(): Promise<void> {
    const before = this.#context.identity;
    const decision = await this.#admission.admitAgain(this.#context.connect);
    // A timer that is armed now would keep the session until it fires.
    if (this.#isClosed) return;
    if (decision === null) this.#change(null);
    else if (decision.kind === 'accept') this.#takeOver(before, decision.identity);
    else this.#refuse(decision, before);
  }

  close(): void {
    this.#isClosed = true;
    this.#context.clock.clearTimeout(this.#expiry);
    this.#expiry = undefined;
  }

  #takeOver(before: Identity | null, identity: Identity): void {
    // Its session with the broker and its names were made for somebody else.
    if (!isSamePlace(before, identity)) this.#context.client.close('Credentials Revoked');
    else this.#change(identity);
  }

  #refuse(decision: Exclude<Decision, { kind: 'accept' }>, before: Identity | null): void {
    const { client, logger } = this.#context;
    if (decision.kind === 'failed') {
      // A backend that is away must not empty the house; who comes anew is refused.
      const { cid } = client.peer;
      logger.warn({ event: 'auth.recheck_failed', cid }, 'a client could not be checked again: it stays');
    } else if (decision.kind === 'unknown' && before !== null) client.close('Credentials Revoked');
    else client.fail(new GatewayError('GW_AUTHORIZATION', 'no longer authenticated'));
  }

  #change(identity: Identity | null): void {
    this.apply(identity);
    const { permissions, subscriptions, client, counters } = this.#context;
    for (const one of subscriptions.all()) {
      if (permissions !== null && !permissions.maySubscribe(one.subject, one.queue)) {
        subscriptions.remove(one);
        one.stop();
        counters.countError(PERMISSIONS_CODE);
        writeErr(client.output, permissionsSubscriptionRemoved(one.subject, one.queue, one.sid));
        client.flushSoon();
      } else one.isFiltered = permissions?.hasDenialsWithin(one.subject) ?? false;
    }
  }

  #permissionsOf(identity: Identity | null): ClientPermissions | null {
    if (identity?.isSuperuser === true) return null;
    const permissions = identity?.permissions ?? this.#access.rules.defaultPermissions;
    if (permissions === null) return null;
    const { permissions: former, permissionChecks, names, clock } = this.#context;
    // What it has been asked to answer is granted on top of them; a reload of something else must not take it away.
    if (former !== null && arePermissionsEqual(former.permissions, permissions)) return former;
    return new ClientPermissions(permissionChecks.of(permissions), names.mapper, clock);
  }

  #armExpiry(expiresAtMs: number): void {
    const { clock, client } = this.#context;
    const leftMs = expiresAtMs - Date.now();
    this.#expiry = clock.setTimeout(
      () => {
        if (leftMs > MAX_TIMER_MS) this.#armExpiry(expiresAtMs);
        else client.fail(new GatewayError('GW_AUTH_EXPIRED', 'the time of this identity is over'));
      },
      Math.min(Math.max(leftMs, 0), MAX_TIMER_MS),
    );
  }
}

/** Whether two identities get the same names and the same session with the broker. @param one null: nobody had asked */
function isSamePlace(one: Identity | null, other: Identity): boolean {
  if (one === null) return other.clientId === null && other.mountpoint === null;
  const place = ({ name, clientId, mountpoint, attributes }: Identity) =>
    JSON.stringify([name, clientId, mountpoint, Object.entries(attributes).sort()]);
  return place(one) === place(other);
}
