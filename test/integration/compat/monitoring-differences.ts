/**
 * Where the monitoring pages deliberately are not those of nats-server 2.9, the one that the pages are compared with. Everything
 * else must agree: names of fields, types, and the forms of texts.
 */

/** A field that only one of the two has, or that has another type. */
export interface PageDifference {
  readonly page: string;
  /** Dotted path of the field; `[]` stands for any position of a list. */
  readonly field: string;
  readonly reason: string;
}

const NEWER = 'nats-server has it since 2.10; INFO says 2.12';
const IMPORTS = 'services of the system account, which a gateway does not have';

/** See the head of this file. */
export const PAGE_DIFFERENCES: readonly PageDifference[] = [
  { page: 'varz', field: 'slow_consumer_stats', reason: NEWER },
  { page: 'routez', field: 'server_name', reason: NEWER },
  { page: 'accountz?acc=$G', field: 'account_detail.imports', reason: IMPORTS },
];

/** Requests that are answered otherwise. */
export const ANSWER_DIFFERENCES: readonly { readonly request: string; readonly reason: string }[] = [
  {
    request: 'GET /connz?callback=f',
    reason:
      'JSONP is not offered: browsers add remembered passwords to it, whoever asks; the pages may be read by other pages anyway',
  },
  { request: 'POST /varz', reason: 'what changes nothing is asked for with GET' },
  { request: 'GET /stacksz', reason: 'there are no goroutines to show' },
  {
    request: 'GET /connz?acc=nobody',
    reason: 'an account without clients has an empty list, not null, and the server an id',
  },
  { request: 'GET /', reason: 'the page is the dashboard, or links in the words of this program' },
];
