/** From the URL of the page to what the API is asked. Pure. */
import type { ClientsQuery } from '../../../admin/api-types.ts';
import type { ClientSort } from '../../../control/client-view.ts';
import type { Route } from '../../state/route.ts';

/** Clients per page. */
export const LIMIT = 50;

type Query = Route['query'];

/** Orders that begin with the smallest; all others begin with the largest. */
const RISING: ReadonlySet<string> = new Set<ClientSort>(['cid', 'start', 'reason']);

/** By what the list is ordered when the URL does not say. */
function sortOf(query: Query): ClientSort {
  if (query.sort !== undefined) return query.sort as ClientSort;
  return query.state === 'closed' ? 'stop' : 'cid';
}

/** What the API is asked. */
export function queryOf(query: Query): ClientsQuery {
  const given = (name: string): string | undefined => query[name] || undefined;
  const [search, user, listener, subject] = [
    given('search'),
    given('user'),
    given('listener'),
    given('subject'),
  ];
  return {
    state: stateOf(query),
    sort: sortOf(query),
    reversed: query.reversed === 'true',
    offset: Number(query.offset ?? 0) || 0,
    limit: LIMIT,
    ...(search !== undefined && { search }),
    ...(user !== undefined && { user }),
    ...(listener !== undefined && { listener }),
    ...(subject !== undefined && { subject }),
  };
}

/** `open` when the URL does not say. */
export function stateOf(query: Query): 'open' | 'closed' | 'any' {
  return query.state === 'closed' || query.state === 'any' ? query.state : 'open';
}

/** For `aria-sort` of a column. */
export function directionOf(query: Query, sort: ClientSort): 'ascending' | 'descending' | 'none' {
  if (sortOf(query) !== sort) return 'none';
  return RISING.has(sort) === (query.reversed !== 'true') ? 'ascending' : 'descending';
}

/** What a click on the head of a column changes. */
export function sortBy(query: Query, sort: ClientSort): Record<string, string> {
  const isTurned = sortOf(query) === sort && query.reversed !== 'true';
  return { sort, reversed: isTurned ? 'true' : '' };
}
