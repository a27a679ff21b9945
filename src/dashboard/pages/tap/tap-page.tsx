/** Messages as they cross, before and after translation; for a limited time. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { TapRequest } from '../../../control/tap.ts';
import { messageOf, UnreachableError } from '../../api/errors.ts';
import { Notice } from '../../parts/notice.tsx';
import { Page } from '../../parts/page.tsx';
import type { Route } from '../../state/route.ts';
import { type Services, useServices } from '../../state/services.ts';
import { TapEvents } from './tap-events.tsx';
import { TapForm } from './tap-form.tsx';
import { TapSession, type TapState } from './tap-session.ts';
import { TapStatus } from './tap-status.tsx';

/** See the head of the file. */
export function TapPage({ route }: { readonly route: Route }): JSX.Element {
  const services = useServices();
  const session = useRef<TapSession | null>(null);
  const [state, setState] = useState<TapState | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  useEffect(
    () => () => {
      if (session.current !== null) void endQuietly(session.current, services);
    },
    [services],
  );
  const start = async (request: TapRequest): Promise<void> => {
    setIsBusy(true);
    setError(null);
    try {
      session.current = await TapSession.start(services.api, request, setState);
    } catch (failure) {
      setError(messageOf(failure));
    } finally {
      setIsBusy(false);
    }
  };
  const isRunning = state !== null && state.end === null;
  return (
    <Page
      title="Tap"
      hint="Looks at messages that pass anyway: it adds no subscription at the broker and holds nothing up. It is noted in the audit log."
    >
      <TapForm
        query={route.query}
        isRunning={isRunning}
        isBusy={isBusy}
        onStart={(request) => void start(request)}
        onStop={() => {
          if (session.current !== null) void endQuietly(session.current, services);
        }}
      />
      {error !== null && <Notice kind="error">{error}</Notice>}
      {state !== null && (
        <>
          <TapStatus state={state} />
          <TapEvents state={state} />
        </>
      )}
    </Page>
  );
}

/** The gateway ends a tap that nobody reads, so its absence needs no words. */
async function endQuietly(session: TapSession, { announce }: Services): Promise<void> {
  try {
    await session.stop();
  } catch (failure) {
    if (!(failure instanceof UnreachableError)) announce(messageOf(failure), 'failed');
  }
}
