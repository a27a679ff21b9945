/** The account of a client, as NATS tools show it. */
import type { SessionContext } from './context.ts';

/** The method whose identities have an account. */
const METHOD_WITH_ACCOUNTS = 'nats_jwt';
/** The account of everybody else, by the name that nats-server has for it. */
const DEFAULT_ACCOUNT = '$G';

/** Public key of the account that the client's token comes from; empty where there is none. */
export function ownAccount({ identity }: Pick<SessionContext, 'identity'>): string {
  return identity?.method === METHOD_WITH_ACCOUNTS ? (identity.attributes.account ?? '') : '';
}

/** What nats-server would call the client's account. */
export function shownAccount(context: Pick<SessionContext, 'identity'>): string {
  return ownAccount(context) || DEFAULT_ACCOUNT;
}
