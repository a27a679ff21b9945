/** What a client listens to. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { SubscriptionView } from '../../../control/client-view.ts';
import { formatCount, plural } from '../../format/numbers.ts';
import { Button } from '../../parts/button.tsx';
import { TableFrame } from '../../parts/page.tsx';

const FIRST = 100;

/** See the head of the file. */
export function SubscriptionList({
  subscriptions,
}: {
  readonly subscriptions: readonly SubscriptionView[];
}): JSX.Element {
  const [isWhole, setIsWhole] = useState(false);
  if (subscriptions.length === 0) return <p class="hint">None.</p>;
  const shown = isWhole ? subscriptions : subscriptions.slice(0, FIRST);
  return (
    <>
      <TableFrame label="Subscriptions">
        <thead>
          <tr>
            <th scope="col">Subject</th>
            <th scope="col">Queue group</th>
            <th scope="col">sid</th>
            <th scope="col" class="right">
              Delivered
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((subscription) => (
            <tr key={subscription.sid}>
              <td class="wrap">
                <code>{subscription.subject}</code>
              </td>
              <td>{subscription.queue}</td>
              <td class="numbers">{subscription.sid}</td>
              <td class="right numbers">
                {formatCount(subscription.messages)}
                {subscription.max > 0 && ` of ${formatCount(subscription.max)}`}
              </td>
            </tr>
          ))}
        </tbody>
      </TableFrame>
      {shown.length < subscriptions.length && (
        <Button look="quiet" onClick={() => setIsWhole(true)}>
          Show {plural(subscriptions.length - FIRST, 'more subscription', 'more subscriptions')}
        </Button>
      )}
    </>
  );
}
