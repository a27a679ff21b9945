/** Data of a page that stays fresh while the page is looked at. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { UnreachableError } from '../api/errors.ts';
import { useFeed } from './services.ts';

/** See the head of the file. */
export interface Polled<T> {
  /** The last answer; null before the first one. */
  readonly data: T | null;
  /** Why the last question had no answer. An unreachable gateway is told by the page's frame. */
  readonly error: unknown;
  refresh(): void;
}

/**
 * @param question changes when another question is asked; the old answer is shown until the new one is there
 * @param intervalMs 0: asked once, and when told to
 */
export function usePolled<T>(question: string, load: () => Promise<T>, intervalMs: number): Polled<T> {
  const { isReachable } = useFeed();
  const [answer, setAnswer] = useState<Answer<T>>({ data: null, error: null });
  const [round, setRound] = useState(0);
  const loadRef = useRef(load);
  loadRef.current = load;

  useEffect(() => {
    if (!isReachable) return;
    let isWanted = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      if (!document.hidden) {
        const answered = await settle(loadRef.current);
        if (!isWanted) return;
        setAnswer((before) => ({ data: answered.data ?? before.data, error: answered.error }));
      }
      if (intervalMs > 0) timer = setTimeout(() => void ask(), intervalMs);
    };
    // settle() turns failures into values.
    void ask();
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [question, intervalMs, isReachable, round]);

  const refresh = useCallback(() => setRound((before) => before + 1), []);
  return { ...answer, refresh };
}

interface Answer<T> {
  readonly data: T | null;
  readonly error: unknown;
}

async function settle<T>(load: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { data: await load(), error: null };
  } catch (error) {
    return { data: null, error: error instanceof UnreachableError ? null : error };
  }
}
