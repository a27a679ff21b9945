/** Shows credentials to methods of authentication, the way the chain of the gateway does, without letting anybody in. */
import type { Credentials } from '../../auth/authenticator.ts';
import type { ChainLink } from '../../auth/chain.ts';
import { PasswordHashes } from '../../auth/password-hash.ts';
import { createMethods } from '../../auth/registry.ts';
import type { AuthServices } from '../../auth/services.ts';
import type { MethodConfig } from '../../config/authentication/methods.ts';
import type { Config } from '../../config/config.ts';
import { filterSubjects } from '../../translation/filter-subjects.ts';
import { createNameMapper } from '../../translation/subject-topic.ts';
import type { Clock } from '../../util/clock.ts';
import type { Logger } from '../../util/logger.ts';
import type { TestBody } from '../api-types.ts';

/** What a trial needs. */
export interface Trial {
  readonly methods: readonly MethodConfig[];
  readonly credentials: Credentials;
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Never rejects: a method that cannot be set up or asked has failed. */
export async function tryCredentials(trial: Trial): Promise<TestBody> {
  const startMs = performance.now();
  const passwords = new PasswordHashes();
  let links: readonly ChainLink[] = [];
  try {
    links = await createMethods(trial.methods, servicesOf(trial, passwords), trial.config.authTimeoutMs);
    return { ...(await ask(links, trial.credentials)), durationMs: msSince(startMs) };
  } catch (error) {
    return { ...failed('', error), durationMs: msSince(startMs) };
  } finally {
    const ends = [...links.map(({ authenticator }) => authenticator.close()), passwords.close()];
    for (const end of await Promise.allSettled(ends)) {
      if (end.status === 'rejected')
        trial.logger.warn(
          { event: 'auth.close_failed', err: end.reason },
          'an authentication method did not close',
        );
    }
  }
}

function servicesOf({ config, logger, clock }: Trial, passwords: PasswordHashes): AuthServices {
  const mapper = createNameMapper({ ...config.mapping, mountpoint: '' });
  return {
    ...{ logger, clock, passwords, wallClock: Date.now },
    subjectsOfFilter: (filter) => filterSubjects(mapper, filter),
  };
}

type Answer = Omit<TestBody, 'durationMs'>;

async function ask(links: readonly ChainLink[], credentials: Credentials): Promise<Answer> {
  for (const { authenticator, timeoutMs } of links) {
    const { method } = authenticator;
    try {
      const verdict = await within(timeoutMs, (signal) => authenticator.authenticate(credentials, signal));
      if (verdict.kind === 'skip') continue;
      if (verdict.kind === 'reject')
        return { verdict: 'reject', detail: `${method}: ${verdict.detail}`, identity: null };
      const { name, isSuperuser, attributes, permissions, expiresAtMs } = verdict.identity;
      const isExpired = expiresAtMs !== null && expiresAtMs <= Date.now();
      if (isExpired) return { verdict: 'reject', detail: `${method}: expired`, identity: null };
      const identity = { name, isSuperuser, attributes, permissions, expiresMs: expiresAtMs };
      return { verdict: 'accept', detail: `accepted by ${method}`, identity };
    } catch (error) {
      return failed(`${method}: `, error);
    }
  }
  const detail =
    links.length === 0 ? 'there is no method: everyone may connect' : 'no method knows these credentials';
  return { verdict: 'skip', detail, identity: null };
}

/** Rejects in time, although the method may take no notice of the signal. */
async function within<T>(timeoutMs: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`no answer within ${timeoutMs} ms`);
      controller.abort(error);
      reject(error);
    }, timeoutMs);
  });
  try {
    return await Promise.race([run(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Messages of methods hold no secrets: they are what the gateway logs. */
function failed(prefix: string, error: unknown): Answer {
  const detail = error instanceof Error ? error.message : 'failed';
  return { verdict: 'failed', detail: prefix + detail, identity: null };
}

function msSince(startMs: number): number {
  return Math.round((performance.now() - startMs) * 100) / 100;
}
