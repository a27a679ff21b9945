/** How long a tap goes on, how much it has shown, or how it has ended. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { formatDuration, plural } from '../../format/numbers.ts';
import type { TapEnd, TapState } from './tap-session.ts';

const END_WORDS: Readonly<Record<TapEnd, string>> = {
  time: 'Its time is over.',
  closed: 'Stopped.',
  shutdown: 'The gateway stops.',
  lost: 'The connection to the gateway was lost.',
};

/** See the head of the file. */
export function TapStatus({ state }: { readonly state: TapState }): JSX.Element {
  const { end, endsAtMs, shown, skipped } = state;
  const [nowMs, setNowMs] = useState(Date.now());
  useEffect(() => {
    if (end !== null) return;
    const timer = setInterval(() => setNowMs(Date.now()), 500);
    return () => clearInterval(timer);
  }, [end]);
  return (
    <p class={end === null ? 'tap-status running' : 'tap-status'}>
      <span role="status">
        {end === null ? <strong>Looking.</strong> : <strong>{END_WORDS[end]}</strong>}{' '}
      </span>
      {end === null && <span class="numbers">Ends in {formatDuration(endsAtMs - nowMs + 999)}. </span>}
      <span class="numbers">{plural(shown, 'message')} shown</span>
      {skipped > 0 && (
        <span class="numbers">
          , <strong>{plural(skipped, 'more was', 'more were')} left out</strong>: more than asked for per
          second
        </span>
      )}
      .
    </p>
  );
}
