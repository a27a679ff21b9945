/** What did not get through, and why connections have ended; since the start. */
import type { JSX } from 'preact';
import type { StatusBody } from '../../../admin/api-types.ts';
import { formatCount } from '../../format/numbers.ts';
import { Panel } from '../../parts/page.tsx';
import { counter, countsByReason } from '../../state/rates.ts';
import { DROP_WORDS } from '../drop-words.ts';
import { ERROR_WORDS } from './error-words.ts';

/** See the head of the file. */
export function Losses({ status }: { readonly status: StatusBody }): JSX.Element {
  const dropped = countsByReason(status, 'dropped').map(
    ([reason, count]) => [DROP_WORDS[reason] ?? reason, count] as const,
  );
  const told = countsByReason(status, 'errors').map(
    ([code, count]) => [ERROR_WORDS[code] ?? code, count] as const,
  );
  const links = [
    ['Lost sessions with the broker', counter(status, 'upstreamDisconnects')],
    ['Messages sent again after that', counter(status, 'upstreamRepublished')],
    ['Requests nobody listened to (503)', counter(status, 'noResponders')],
  ].filter(([, count]) => count !== 0) as [string, number][];
  return (
    <div class="columns">
      <Panel title="Messages that were not passed on">
        <Counts counts={[...dropped, ...links]} empty="None since the start." />
      </Panel>
      <Panel title="What clients were told is wrong">
        <Counts counts={told} empty="Nothing since the start." />
      </Panel>
      <Panel title="Why connections have ended">
        <Counts counts={countsByReason(status, 'closed')} empty="None has ended since the start." />
      </Panel>
    </div>
  );
}

function Counts({
  counts,
  empty,
}: {
  readonly counts: readonly (readonly [name: string, count: number])[];
  readonly empty: string;
}): JSX.Element {
  if (counts.length === 0) return <p class="hint">{empty}</p>;
  return (
    <dl class="counts">
      {counts.map(([name, count]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class="numbers">{formatCount(count)}</dd>
        </div>
      ))}
    </dl>
  );
}
