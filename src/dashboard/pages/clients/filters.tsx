/** Which clients are shown. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { usePolled } from '../../state/polled.ts';
import { linkTo, type Route } from '../../state/route.ts';
import { useServices } from '../../state/services.ts';
import { stateOf } from './query.ts';

interface FiltersProps {
  readonly query: Route['query'];
  readonly onChange: (changes: Readonly<Record<string, string>>) => void;
}

const STATES = [
  ['open', 'Connected'],
  ['closed', 'Closed'],
  ['any', 'Both'],
] as const;

/** See the head of the file. */
export function Filters({ query, onChange }: FiltersProps): JSX.Element {
  const { api } = useServices();
  const listeners = usePolled('listeners', () => api.listeners(), 0).data?.items ?? [];
  const isFiltered = ['search', 'user', 'listener', 'subject'].some((name) => (query[name] ?? '') !== '');
  return (
    <search class="filters">
      <fieldset class="segments">
        <legend class="hidden">State</legend>
        {STATES.map(([value, label]) => (
          <label key={value}>
            <input
              type="radio"
              name="state"
              value={value}
              checked={stateOf(query) === value}
              onChange={() => onChange({ state: value === 'open' ? '' : value, sort: '', reversed: '' })}
            />
            <span>{label}</span>
          </label>
        ))}
      </fieldset>
      <Typed
        name="search"
        label="Search"
        hint="Name, user, address, client id"
        query={query}
        onChange={onChange}
      />
      <Typed name="user" label="User" hint="Exactly" query={query} onChange={onChange} />
      <Typed name="subject" label="Subscribed to" hint="Subject" query={query} onChange={onChange} />
      <label class="filter">
        Listener
        <select
          value={query.listener ?? ''}
          onChange={(event) => onChange({ listener: event.currentTarget.value })}
        >
          <option value="">All</option>
          {listeners.map(({ name }) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {isFiltered && (
        <a class="clear" href={linkTo(['clients'], { state: query.state ?? '' })}>
          Clear
        </a>
      )}
    </search>
  );
}

interface TypedProps extends FiltersProps {
  readonly name: string;
  readonly label: string;
  readonly hint: string;
}

const PAUSE_MS = 250;

/** Takes effect when the user pauses. */
function Typed({ name, label, hint, query, onChange }: TypedProps): JSX.Element {
  const inForce = query[name] ?? '';
  const [text, setText] = useState(inForce);
  useEffect(() => setText(inForce), [inForce]);
  useEffect(() => {
    if (text === inForce) return;
    const timer = setTimeout(() => onChange({ [name]: text.trim() }), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <label class={`filter ${name}`}>
      {label}
      <input
        type="search"
        value={text}
        placeholder={hint}
        autocapitalize="off"
        spellcheck={false}
        onInput={(event) => setText(event.currentTarget.value)}
      />
    </label>
  );
}
