/** Messages that a tap has shown, newest first. Each opens to its headers, properties and payload. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { formatBytes, formatTime } from '../../format/numbers.ts';
import { Badge } from '../../parts/badge.tsx';
import { Empty } from '../../parts/notice.tsx';
import { Facts } from '../../parts/page.tsx';
import { linkTo } from '../../state/route.ts';
import { DROP_WORDS } from '../drop-words.ts';
import { payloadText } from './payload-text.ts';
import type { NumberedEvent, TapState } from './tap-session.ts';

/** See the head of the file. */
export function TapEvents({ state }: { readonly state: TapState }): JSX.Element {
  if (state.events.length === 0)
    return (
      <Empty title={state.end === null ? 'Nothing has passed yet' : 'Nothing has passed'}>
        <p>Messages appear here as soon as a client that fits publishes one or is sent one.</p>
      </Empty>
    );
  return (
    <ol class="tap-events" aria-label="Messages, newest first">
      {state.events.map((event) => (
        <TapRow key={event.number} event={event} />
      ))}
    </ol>
  );
}

function TapRow({ event }: { readonly event: NumberedEvent }): JSX.Element {
  const [isOpen, setIsOpen] = useState(false);
  const isThere = event.direction === 'to_broker';
  const subject = <code class="subject">{event.subject}</code>;
  const topic =
    event.topic === '' ? <em class="muted">no topic</em> : <code class="topic">{event.topic}</code>;
  return (
    <li class={event.dropped === null ? 'tap-event' : 'tap-event dropped'}>
      <details onToggle={(toggled) => setIsOpen(toggled.currentTarget.open)}>
        <summary>
          <span class="numbers muted">{formatTime(event.atMs, true)}</span>
          <span class={isThere ? 'way there' : 'way back'}>{isThere ? 'to broker' : 'to client'}</span>
          <span class="names">
            {isThere ? subject : topic}
            <span class="arrow"> → </span>
            {isThere ? topic : subject}
          </span>
          <span class="who numbers">
            {event.user !== '' && `${event.user} `}#{event.cid}
          </span>
          <span class="numbers size">{formatBytes(event.payloadBytes)}</span>
          <span class="marks">
            <span class="numbers muted">QoS {event.qos}</span>
            {event.isRetained && <Badge tone="accent">retained</Badge>}
            {event.dropped !== null && <Badge tone="bad">{DROP_WORDS[event.dropped] ?? event.dropped}</Badge>}
          </span>
        </summary>
        {isOpen && <Inside event={event} />}
      </details>
    </li>
  );
}

function Inside({ event }: { readonly event: NumberedEvent }): JSX.Element {
  return (
    <div class="tap-inside">
      <div>
        <h3>NATS</h3>
        <Facts
          facts={[
            ['Subject', <code key="subject">{event.subject}</code>],
            ['Reply to', event.reply === '' ? null : <code>{event.reply}</code>],
            [
              'Client',
              <a key="client" href={linkTo(['clients', event.cid])}>
                #{event.cid}
              </a>,
            ],
          ]}
        />
        {event.headers !== '' && <pre>{event.headers.trim()}</pre>}
      </div>
      <div>
        <h3>MQTT</h3>
        <Facts
          facts={[
            ['Topic', event.topic === '' ? null : <code>{event.topic}</code>],
            ['Response topic', event.responseTopic === '' ? null : <code>{event.responseTopic}</code>],
            ['QoS', `${event.qos}${event.isRetained ? ', retained' : ''}`],
            ...event.userProperties.map(([name, value]) => [name, value] as const),
          ]}
        />
      </div>
      <div class="whole">
        <h3>Payload, {formatBytes(event.payloadBytes)}</h3>
        <Payload event={event} />
      </div>
    </div>
  );
}

function Payload({ event }: { readonly event: NumberedEvent }): JSX.Element {
  if (event.payloadBytes === 0) return <p class="hint">Empty.</p>;
  if (event.payload === '')
    return (
      <p class="hint">Not shown. Choose “128 bytes” under Payloads to see the beginning of the next ones.</p>
    );
  const { text, isText, bytes } = payloadText(event.payload);
  return (
    <>
      <pre>{text}</pre>
      <p class="hint">
        {isText ? 'Text' : 'Bytes in hexadecimal'}
        {bytes < event.payloadBytes && `, the first ${bytes} of ${event.payloadBytes}`}
      </p>
    </>
  );
}
