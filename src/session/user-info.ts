/** The answer to `$SYS.REQ.USER.INFO`, by which tools ask a server who they are. */
import type { SessionContext } from './context.ts';
import { SERVER_VERSION } from './server-info.ts';

/** JSON as nats-server answers it; accounts do not exist here, so everyone is in the default one. */
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
    data: { user: identity?.name ?? connect.user, account: '$G' },
  };
  return Buffer.from(JSON.stringify(answer));
}
