/** What to look at, and for how long. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { TapRequest } from '../../../control/tap.ts';
import { Button } from '../../parts/button.tsx';
import type { Route } from '../../state/route.ts';

interface TapFormProps {
  /** May name a client, a user or a subject. */
  readonly query: Route['query'];
  readonly isRunning: boolean;
  readonly isBusy: boolean;
  readonly onStart: (request: TapRequest) => void;
  readonly onStop: () => void;
}

/** What stands in the form, all of it as text. */
interface Entered {
  readonly cid: string;
  readonly user: string;
  readonly subject: string;
  readonly direction: string;
  readonly minutes: string;
  readonly maxPerSecond: string;
  readonly payloadBytes: string;
}

const MINUTE_MS = 60_000;

/** See the head of the file. */
export function TapForm({ query, isRunning, isBusy, onStart, onStop }: TapFormProps): JSX.Element {
  const [entered, setEntered] = useState<Entered>({
    cid: query.cid ?? '',
    user: query.user ?? '',
    subject: query.subject ?? '',
    direction: '',
    minutes: '1',
    maxPerSecond: '50',
    payloadBytes: '0',
  });
  return (
    <form
      class="tap-form"
      onSubmit={(event) => {
        event.preventDefault();
        onStart(requestOf(entered));
      }}
    >
      <fieldset disabled={isRunning}>
        <legend class="hidden">What to look at</legend>
        <Inputs entered={entered} onChange={(part) => setEntered({ ...entered, ...part })} />
      </fieldset>
      {isRunning ? (
        <Button look="danger" onClick={onStop}>
          Stop
        </Button>
      ) : (
        <Button type="submit" look="primary" icon="tap" isBusy={isBusy}>
          Start
        </Button>
      )}
    </form>
  );
}

function requestOf(entered: Entered): TapRequest {
  const { cid, user, subject, direction } = entered;
  return {
    ...(cid.trim() !== '' && { cid: Number(cid) }),
    ...(user.trim() !== '' && { user: user.trim() }),
    ...(subject.trim() !== '' && { subject: subject.trim() }),
    ...(direction !== '' && { direction: direction === 'to_client' ? 'to_client' : 'to_broker' }),
    durationMs: Number(entered.minutes) * MINUTE_MS,
    maxPerSecond: Number(entered.maxPerSecond),
    payloadBytes: Number(entered.payloadBytes),
  };
}

const TEXTS: readonly (readonly [name: 'cid' | 'user' | 'subject', label: string, hint: string])[] = [
  ['cid', 'Client', 'any, or its number'],
  ['user', 'User', 'any'],
  ['subject', 'Subject', 'any, such as orders.>'],
];

const CHOICES: readonly (readonly [
  name: 'direction' | 'minutes' | 'maxPerSecond' | 'payloadBytes',
  label: string,
  choices: readonly (readonly [value: string, label: string])[],
])[] = [
  [
    'direction',
    'Direction',
    [
      ['', 'both'],
      ['to_broker', 'to the broker'],
      ['to_client', 'to clients'],
    ],
  ],
  [
    'minutes',
    'For',
    [
      ['1', '1 minute'],
      ['5', '5 minutes'],
      ['15', '15 minutes'],
    ],
  ],
  [
    'maxPerSecond',
    'At most',
    [
      ['10', '10 / second'],
      ['50', '50 / second'],
      ['200', '200 / second'],
    ],
  ],
  [
    'payloadBytes',
    'Payloads',
    [
      ['0', 'size only'],
      ['128', '128 bytes'],
      ['1024', '1,024 bytes'],
    ],
  ],
];

interface InputsProps {
  readonly entered: Entered;
  readonly onChange: (part: Partial<Entered>) => void;
}

function Inputs({ entered, onChange }: InputsProps): JSX.Element {
  return (
    <>
      {TEXTS.map(([name, label, hint]) => (
        <label key={name} class={`filter ${name}`}>
          {label}
          <input
            value={entered[name]}
            placeholder={hint}
            autocapitalize="off"
            autocomplete="off"
            spellcheck={false}
            {...(name === 'cid' && {
              inputMode: 'numeric',
              pattern: '[0-9]*',
              title: 'The number of a client',
            })}
            onInput={(event) => onChange({ [name]: event.currentTarget.value })}
          />
        </label>
      ))}
      {CHOICES.map(([name, label, choices]) => (
        <label key={name} class="filter">
          {label}
          <select value={entered[name]} onChange={(event) => onChange({ [name]: event.currentTarget.value })}>
            {choices.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </label>
      ))}
    </>
  );
}
