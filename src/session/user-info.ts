/** The answer to `$SYS.REQ.USER.INFO`, by which tools ask a server who they are. */
import { shownAccount } from './account.ts';
import type { SessionContext } from './context.ts';
import { SERVER_VERSION } from './server-info.ts';

/** JSON as nats-server answers it. */
export function userInfo(context: SessionContext): Buffer {
  const { options, connect, identity } = context;
  const answer = {
    server: {
      name: options.serverName,
      id: options.serverId,
      ver: SERVER_VERSION,
      jetstream: false,
      time: new Date().toISOString(),
    },
    data: { user: identity?.name ?? connect.user, account: shownAccount(context) },
  };
  return Buffer.from(JSON.stringify(answer));
}
