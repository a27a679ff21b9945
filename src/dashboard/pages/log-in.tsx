/** Who are you? Shown where credentials are configured and nobody is logged in. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { SessionBody } from '../../admin/api-types.ts';
import { ApiError, messageOf } from '../api/errors.ts';
import { Mark } from '../frame.tsx';
import { Button } from '../parts/button.tsx';
import { Notice } from '../parts/notice.tsx';
import { useServices } from '../state/services.ts';

interface LogInProps {
  /** There was a session, and it has ended by itself. */
  readonly hasEnded: boolean;
  readonly onLogIn: (session: SessionBody) => void;
}

/** See the head of the file. */
export function LogIn({ hasEnded, onLogIn }: LogInProps): JSX.Element {
  const { api } = useServices();
  const name = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  useEffect(() => {
    document.title = 'Log in – NATS MQTT gateway';
    name.current?.focus();
  }, []);
  const logIn = async (): Promise<void> => {
    setIsBusy(true);
    setError(null);
    try {
      onLogIn(await api.logIn({ user: name.current?.value ?? '', password: password.current?.value ?? '' }));
    } catch (failure) {
      setError(sentenceFor(failure));
      setIsBusy(false);
      if (password.current !== null) password.current.value = '';
      password.current?.focus();
    }
  };
  return (
    <main class="log-in">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void logIn();
        }}
      >
        <Mark />
        <h1>Log in to the gateway</h1>
        {hasEnded && error === null && (
          <Notice kind="info">Your session has ended. Log in again to go on.</Notice>
        )}
        {error !== null && <Notice kind="error">{error}</Notice>}
        <label>
          User
          <input ref={name} name="user" autocomplete="username" autocapitalize="off" required />
        </label>
        <label>
          Password
          <input ref={password} name="password" type="password" autocomplete="current-password" required />
        </label>
        <Button type="submit" look="primary" isBusy={isBusy}>
          Log in
        </Button>
      </form>
    </main>
  );
}

function sentenceFor(failure: unknown): string {
  const isWrong = failure instanceof ApiError && failure.problem.status === 401;
  return isWrong ? 'User or password is wrong.' : messageOf(failure);
}
