/** Where the user is, and how to get elsewhere. */
import { useEffect, useState } from 'preact/hooks';
import { parseRoute, type Route } from './route.ts';

/** Goes there. `replace`: without a step in the history, as for what is typed into a search field. */
export function goTo(link: string, replace = false): void {
  if (!replace) {
    window.location.hash = link;
    return;
  }
  window.history.replaceState(null, '', link);
  window.dispatchEvent(new HashChangeEvent('hashchange'));
}

/** The place, followed. */
export function useRoute(): Route {
  const [hash, setHash] = useState(window.location.hash);
  useEffect(() => {
    const follow = (): void => setHash(window.location.hash);
    window.addEventListener('hashchange', follow);
    return () => window.removeEventListener('hashchange', follow);
  }, []);
  return parseRoute(hash);
}
