import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AccessPoint } from '../../../src/auth/access-point.ts';
import type { Decision } from '../../../src/auth/chain.ts';
import { plainIdentity } from '../../../src/auth/identity.ts';
import type { Admission } from '../../../src/session/admission.ts';
import { Authorization } from '../../../src/session/authorization.ts';
import type { SessionContext } from '../../../src/session/context.ts';
import { FakeClock } from '../../support/fake-clock.ts';

test('authorization: an answer that comes when the client is gone arms no timer', async () => {
  const clock = new FakeClock();
  const identity = { ...plainIdentity('built_in', 'ann'), expiresAtMs: Date.now() + 60_000 };
  let answer: (decision: Decision) => void = () => {};
  const admission = {
    admitAgain: () =>
      new Promise<Decision>((resolve) => {
        answer = resolve;
      }),
  } as unknown as Admission;
  const context = {
    clock,
    identity: null,
    permissions: null,
    connect: {},
    subscriptions: { all: () => [] },
  } as unknown as SessionContext;
  const access = { rules: { defaultPermissions: null } } as unknown as AccessPoint;

  const authorization = new Authorization(context, admission, access);
  authorization.apply(identity);
  assert.equal(clock.pendingTimers, 1);
  const again = authorization.reauthorize();
  answer({ kind: 'accept', identity });
  authorization.close();
  await again;
  assert.equal(clock.pendingTimers, 0);
});
