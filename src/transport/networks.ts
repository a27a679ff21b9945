/** Who may connect by address, and whose word about addresses counts. Must not know about sockets or HTTP. */
import { BlockList, isIP, SocketAddress } from 'node:net';

/** An IPv4 client of a dual-stack socket is shown as IPv4. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}

/** An address in the one way it is written everywhere here; null when this is none. */
export function canonicalAddress(text: string): string | null {
  const family = isIP(text);
  if (family === 0 || text.includes('%')) return null;
  const { address } = new SocketAddress({ address: text, family: family === 4 ? 'ipv4' : 'ipv6' });
  return plainAddress(address);
}

/** A set of addresses and networks. An IPv4 address counts as one in its IPv6 form, too. */
export class Networks {
  readonly #list = new BlockList();
  readonly #isEverything: boolean;

  /** @param texts addresses, networks in CIDR form, or `all`; the configuration has checked them */
  constructor(texts: readonly string[]) {
    this.#isEverything = texts.includes('all');
    for (const text of texts) if (text !== 'all') this.#add(text);
  }

  has(address: string): boolean {
    if (this.#isEverything) return true;
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 4 ? 'ipv4' : 'ipv6');
  }

  #add(text: string): void {
    const [address = '', bits] = text.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    this.#list.addSubnet(address, Number(bits ?? (family === 'ipv4' ? 32 : 128)), family);
  }
}

/** A list such as `["allow 10.0.0.0/8", "deny all"]`: the first that matches counts, and who matches none may connect. */
export class AccessRules {
  readonly #rules: readonly { readonly isAllowed: boolean; readonly networks: Networks }[];

  constructor(rules: readonly string[]) {
    this.#rules = rules.map((rule) => {
      const [verb, network = ''] = rule.split(' ');
      return { isAllowed: verb === 'allow', networks: new Networks([network]) };
    });
  }

  allows(address: string): boolean {
    return this.#rules.find(({ networks }) => networks.has(address))?.isAllowed ?? true;
  }
}

/**
 * The client's address behind proxies: each one appends whom it has seen, so the header is read from its end, and only
 * as far as trusted proxies have written it.
 * @param forwarded `X-Forwarded-For`
 */
export function forwardedAddress(peer: string, forwarded: string, trusted: Networks): string {
  const entries = forwarded.split(',');
  let address = peer;
  while (entries.length > 0 && trusted.has(address)) {
    const entry = canonicalAddress(withoutPort(entries.pop()?.trim() ?? ''));
    if (entry === null) break;
    address = entry;
  }
  return address;
}

function withoutPort(entry: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(entry)?.[1] ?? /^([\d.]+):\d+$/.exec(entry)?.[1] ?? entry;
}
