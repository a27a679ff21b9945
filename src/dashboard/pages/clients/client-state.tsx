/** How far a client has come, or why it is gone. */
import type { JSX } from 'preact';
import type { ClientView } from '../../../control/client-view.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';

const STATES: Readonly<Record<ClientView['state'], readonly [Tone, string]>> = {
  greeted: ['muted', 'no CONNECT yet'],
  authenticating: ['warn', 'authenticating'],
  connecting: ['warn', 'waits for the broker'],
  ready: ['good', 'connected'],
  closed: ['muted', 'closed'],
};

/** Reasons that nobody needs to look into. */
const ORDINARY: ReadonlySet<string> = new Set(['Client Closed', 'Server Shutdown', 'Kicked', 'Idle Timeout']);

/** See the head of the file. */
export function ClientState({ client }: { readonly client: ClientView }): JSX.Element {
  if (client.reason !== null)
    return <Badge tone={ORDINARY.has(client.reason) ? 'muted' : 'bad'}>{client.reason}</Badge>;
  const [tone, word] = STATES[client.state];
  return <Badge tone={tone}>{word}</Badge>;
}
