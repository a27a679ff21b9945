/** The first five minutes: how to connect. */
import type { JSX } from 'preact';
import type { ListenerView } from '../../../control/gateway-control.ts';
import { CopyText } from '../../parts/copy-text.tsx';
import { Panel } from '../../parts/page.tsx';
import { addressOf } from './listeners.tsx';

const EVERY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** See the head of the file. */
export function FirstSteps({ listeners }: { readonly listeners: readonly ListenerView[] }): JSX.Element {
  const listening = listeners.filter(({ state }) => state === 'listening');
  const first = listening.find(({ type }) => type === 'tcp' || type === 'tls') ?? listening[0];
  if (first === undefined)
    return (
      <Panel title="No client has connected yet" class="first-steps">
        <p>There is no open listener. Add one in the settings under “listeners”.</p>
      </Panel>
    );
  const host = EVERY_ADDRESS.has(first.host) ? window.location.hostname : first.host;
  const url = addressOf({ ...first, host });
  const login = first.isAuthenticated ? ' --user USER --password PASSWORD' : '';
  return (
    <Panel title="No client has connected yet" class="first-steps">
      <p>
        Any NATS client works. Two terminals with the <code>nats</code> command show the way there and back:
      </p>
      <CopyText text={`nats --server ${url}${login} sub 'hello.>'`} />
      <CopyText text={`nats --server ${url}${login} pub hello.world 'Good morning'`} />
      <p>
        The message passes the broker as topic <code>hello/world</code>, so MQTT clients see it as well. What
        goes wrong on the way is shown under <a href="#/tap">Tap</a>.
      </p>
    </Panel>
  );
}
