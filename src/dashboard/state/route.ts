/** Places of the dashboard, as they stand in the hash of the URL: `#/clients/12?search=ann`. Links can be kept and sent. Pure. */

/** A place. */
export interface Route {
  /** Such as `['clients', '12']`; `['overview']` for none. */
  readonly path: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

/** @param hash with or without the leading `#` */
export function parseRoute(hash: string): Route {
  const text = hash.replace(/^#?\/?/, '');
  const [path = '', query = ''] = text.split('?', 2);
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decode);
  return {
    path: parts.length > 0 ? parts : ['overview'],
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // Somebody has edited the address by hand; what cannot be decoded stays as it is.
    return part;
  }
}

/** The hash for a place; empty values of the query are left out. */
export function linkTo(
  path: readonly (string | number)[],
  query: Readonly<Record<string, string>> = {},
): string {
  const given = Object.entries(query).filter(([, value]) => value !== '');
  const search = new URLSearchParams(given).toString();
  const text = path.map((part) => encodeURIComponent(part)).join('/');
  return `#/${text}${search === '' ? '' : `?${search}`}`;
}
