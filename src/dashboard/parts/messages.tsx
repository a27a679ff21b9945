/** Results of what the user has done, in a corner of the page; read out by screen readers. */
import type { JSX } from 'preact';
import { IconButton } from './button.tsx';
import { Icon } from './icons.tsx';

/** One result. */
export interface Message {
  readonly id: number;
  readonly text: string;
  readonly kind: 'done' | 'failed';
}

interface MessagesProps {
  readonly messages: readonly Message[];
  readonly onDismiss: (id: number) => void;
}

/** See the head of the file. */
export function Messages({ messages, onDismiss }: MessagesProps): JSX.Element {
  return (
    <div class="messages" role="status" aria-live="polite">
      {messages.map(({ id, text, kind }) => (
        <div key={id} class={`message ${kind}`}>
          <Icon name={kind === 'done' ? 'check' : 'error'} />
          <p>{text}</p>
          <IconButton label="Dismiss" icon="close" onClick={() => onDismiss(id)} />
        </div>
      ))}
    </div>
  );
}
