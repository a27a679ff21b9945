/** Who is there, and what is shown to them: the log-in form or the frame with a page. Makes the services of all pages. */
import type { JSX } from 'preact';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { SessionBody } from '../admin/api-types.ts';
import { ApiClient } from './api/client.ts';
import { messageOf } from './api/errors.ts';
import { Frame } from './frame.tsx';
import { CurrentPage } from './pages/current-page.tsx';
import { LogIn } from './pages/log-in.tsx';
import { type Message, Messages } from './parts/messages.tsx';
import { Pending } from './parts/notice.tsx';
import { Drafts } from './state/drafts.ts';
import { useRoute } from './state/navigation.ts';
import { type Services, ServicesContext } from './state/services.ts';
import { StatusFeed } from './state/status-feed.ts';

/** See the head of the file. */
export function App(): JSX.Element {
  const { messages, announce, dismiss, forgetFailures } = useMessages();
  const [session, setSession] = useState<SessionBody | null>(null);
  const [hasEnded, setHasEnded] = useState(false);
  const services = useMemo<Services>(() => {
    const api = new ApiClient(() => {
      setHasEnded(true);
      setSession({ isRequired: true, user: null, csrfToken: null });
    });
    return { api, feed: new StatusFeed(api), drafts: new Drafts(), announce };
  }, [announce]);
  const [error, ask] = useFirstSession(services.api, setSession);
  const logOut = async (): Promise<void> => {
    await services.api.logOut();
    services.drafts.clear();
    setHasEnded(false);
    setSession({ isRequired: true, user: null, csrfToken: null });
  };
  const enter = (entered: SessionBody): void => {
    setHasEnded(false);
    setSession(entered);
  };
  if (session === null) return <Pending error={error} onRetry={ask} />;
  return (
    <ServicesContext.Provider value={services}>
      {session.isRequired && session.user === null ? (
        <LogIn hasEnded={hasEnded} onLogIn={enter} />
      ) : (
        <Inside services={services} session={session} onLogOut={logOut} onSection={forgetFailures} />
      )}
      <Messages messages={messages} onDismiss={dismiss} />
    </ServicesContext.Provider>
  );
}

interface InsideProps {
  readonly services: Services;
  readonly session: SessionBody;
  readonly onLogOut: () => Promise<void>;
  /** Another part of the dashboard is shown. */
  readonly onSection: () => void;
}

function Inside({ services, session, onLogOut, onSection }: InsideProps): JSX.Element {
  const route = useRoute();
  const section = route.path[0] ?? '';
  useEffect(onSection, [section]);
  const { feed, announce } = services;
  useEffect(() => {
    feed.start();
    return () => feed.stop();
  }, [feed]);
  const logOut = (): void => {
    onLogOut().catch((error: unknown) => announce(`You are still logged in: ${messageOf(error)}`, 'failed'));
  };
  return (
    <Frame session={session} section={section} onLogOut={logOut}>
      <CurrentPage route={route} />
    </Frame>
  );
}

const FIRST_RETRY_MS = 3000;

/** Asks who is logged in, again and again until there is an answer. */
function useFirstSession(
  api: ApiClient,
  onAnswer: (session: SessionBody) => void,
): [error: unknown, ask: () => void] {
  const [error, setError] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  const ask = useCallback(() => setRound((before) => before + 1), []);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    api.session().then(onAnswer, (failure: unknown) => {
      setError(failure);
      timer = setTimeout(ask, FIRST_RETRY_MS);
    });
    return () => clearTimeout(timer);
  }, [api, onAnswer, ask, round]);
  return [error, ask];
}

const MESSAGE_MS = 6000;

interface MessageBoard {
  readonly messages: readonly Message[];
  readonly announce: Services['announce'];
  dismiss(id: number): void;
  forgetFailures(): void;
}

/** Results of what the user has done. Good news goes by itself, a failure when something else has been tried. */
function useMessages(): MessageBoard {
  const [messages, setMessages] = useState<readonly Message[]>([]);
  const dismiss = useCallback((id: number) => {
    setMessages((before) => before.filter((message) => message.id !== id));
  }, []);
  // Never used twice: the end of one message must not be that of a later one.
  const lastId = useRef(0);
  const announce = useCallback(
    (text: string, kind: 'done' | 'failed' = 'done') => {
      lastId.current += 1;
      const id = lastId.current;
      setMessages((before) => [...before.filter(isGood).slice(-3), { id, text, kind }]);
      if (kind === 'done') setTimeout(() => dismiss(id), MESSAGE_MS);
    },
    [dismiss],
  );
  const forgetFailures = useCallback(() => setMessages((before) => before.filter(isGood)), []);
  return { messages, announce, dismiss, forgetFailures };
}

function isGood({ kind }: Message): boolean {
  return kind === 'done';
}
