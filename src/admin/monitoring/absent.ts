/** Pages on what a gateway does not have: they are valid and say so, for scrapers that ask for all pages. */
import type { AdminContext } from '../context.ts';
import { type Parameters, timeText } from './go-format.ts';

type Page = (context: AdminContext, parameters: Parameters) => object;

/** By path. Each throws {@link ProblemError} for parameters that make no sense. */
export const ABSENT_PAGES: Readonly<Record<string, Page>> = {
  routez: ({ control }, parameters) => {
    if (parameters.text('subs') !== 'detail') parameters.boolean('subs');
    const { serverId, serverName } = control.identity;
    return { server_id: serverId, server_name: serverName, now: now(), num_routes: 0, routes: [] };
  },
  gatewayz: ({ control }, parameters) => {
    parameters.boolean('accs');
    return { server_id: control.identity.serverId, now: now(), outbound_gateways: {}, inbound_gateways: {} };
  },
  leafz: ({ control }, parameters) => {
    parameters.boolean('subs');
    return { server_id: control.identity.serverId, now: now(), leafnodes: 0, leafs: null };
  },
  jsz: ({ control }, parameters) => {
    for (const name of ['accounts', 'streams', 'consumers', 'config', 'leader-only', 'raft'])
      parameters.boolean(name);
    parameters.page();
    return {
      server_id: control.identity.serverId,
      now: now(),
      disabled: true,
      config: { max_memory: 0, max_storage: 0 },
      memory: 0,
      storage: 0,
      reserved_memory: 0,
      reserved_storage: 0,
      accounts: 0,
      ha_assets: 0,
      api: { total: 0, errors: 0 },
      streams: 0,
      consumers: 0,
      messages: 0,
      bytes: 0,
    };
  },
};

function now(): string {
  return timeText(Date.now());
}
