/** Who may come in at one listener. Changes as a whole, on a reload. */
import type { Identity } from './authenticator.ts';
import type { AuthenticationChain } from './chain.ts';
import type { Permissions } from './permissions.ts';

/** What holds at one moment. */
export interface AccessRules {
  /** Null: everyone may connect, and the broker decides. */
  readonly chain: AuthenticationChain | null;
  /** Who clients are that show nothing (`no_auth_user`); null: they are refused where there is a chain. */
  readonly anonymous: Identity | null;
  /** Of clients that bring none; null: everything is allowed. */
  readonly defaultPermissions: Permissions | null;
}

/** See the head of the file. */
export class AccessPoint {
  rules: AccessRules;

  constructor(rules: AccessRules) {
    this.rules = rules;
  }
}
