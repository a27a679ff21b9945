/** Lists of networks that a client's address has to be in. Must not know tokens. */
import { BlockList, isIP } from 'node:net';

/**
 * The networks of a list such as `["10.0.0.0/8", "2001:db8::/32"]`.
 * @returns null when one of them is no network in CIDR form
 */
export function parseNetworks(networks: readonly string[]): BlockList | null {
  const list = new BlockList();
  for (const network of networks) {
    const match = /^([^/]+)\/(\d{1,3})$/.exec(network);
    const [, address = '', bits = ''] = match ?? [];
    const family = isIP(address);
    if (family === 0 || address.includes('%') || Number(bits) > (family === 4 ? 32 : 128)) return null;
    list.addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

/** Whether an address is in one of the networks; an IPv4 address counts as one in its IPv6 form too. */
export function isInNetworks(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}
