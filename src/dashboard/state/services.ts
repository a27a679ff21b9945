/** What every page gets: the gateway, and a voice. */
import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { ApiClient } from '../api/client.ts';
import type { Drafts } from './drafts.ts';
import type { FeedState, StatusFeed } from './status-feed.ts';

/** See the head of the file. */
export interface Services {
  readonly api: ApiClient;
  readonly feed: StatusFeed;
  /** Changes of settings that are not sent yet; they outlive a visit to another page. */
  readonly drafts: Drafts;
  /** Tells the user what has come of it, screen readers included. */
  announce(text: string, kind?: 'done' | 'failed'): void;
}

/** Filled by the root of the page. */
export const ServicesContext = createContext<Services | null>(null);

/** What the page was given. */
export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (services === null) throw new Error('there are no services outside of the app');
  return services;
}

/** The last minutes, followed. */
export function useFeed(): FeedState {
  const { feed } = useServices();
  const [state, setState] = useState(feed.state);
  useEffect(() => {
    setState(feed.state);
    return feed.subscribe(setState);
  }, [feed]);
  return state;
}
