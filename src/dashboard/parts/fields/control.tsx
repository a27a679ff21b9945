/** The control for a single value, by its kind. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { canBeUnset, isNeeded, isSame, SECRET, Unfinished } from '../../format/values.ts';
import { type FieldProps, idOf } from './field-props.ts';

/** See the head of the file. */
export function Control(props: FieldProps): JSX.Element {
  switch (props.field.value.kind) {
    case 'boolean':
      return <BooleanInput {...props} />;
    case 'choice':
      return <ChoiceInput {...props} choices={props.field.value.choices} />;
    case 'list':
      return <ListInput {...props} />;
    case 'json':
      return <JsonInput {...props} />;
    case 'secret':
      return <SecretInput {...props} />;
    default:
      return <TextInput {...props} />;
  }
}

/** What all controls have. */
function common({ path, value, errors, isDisabled = false }: FieldProps) {
  const id = idOf(path);
  const isWrong = value instanceof Unfinished || errors.has(path);
  return {
    id,
    disabled: isDisabled,
    'aria-invalid': isWrong,
    'aria-describedby': isWrong ? `${id}-error ${id}-doc` : `${id}-doc`,
  } as const;
}

/** What a field that was emptied stands for. */
function whenEmpty({ field }: FieldProps): unknown {
  return isNeeded(field) || field.default === '' ? '' : undefined;
}

function TextInput(props: FieldProps): JSX.Element {
  const { field, value, onChange } = props;
  const isNumber = field.value.kind === 'integer';
  const placeholder = typeof field.default === 'object' ? '' : String(field.default ?? '');
  const take = (text: string): void => {
    if (text === '') onChange(whenEmpty(props));
    else if (
      /^-?\d{1,15}$/.test(text) &&
      (isNumber || field.value.kind === 'size' || typeof field.default === 'number')
    )
      onChange(Number(text));
    else if (isNumber && typeof field.default !== 'string')
      onChange(new Unfinished(text, `must be ${field.expects}`));
    else onChange(text);
  };
  return (
    <input
      {...common(props)}
      type="text"
      class={isNumber ? 'short' : ''}
      inputMode={isNumber ? 'numeric' : 'text'}
      value={textOf(value)}
      placeholder={placeholder}
      autocapitalize="off"
      autocomplete="off"
      spellcheck={false}
      onInput={(event) => take(event.currentTarget.value.trim())}
    />
  );
}

function textOf(value: unknown): string {
  if (value instanceof Unfinished) return value.text;
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Never shown. Empty leaves it as it is. */
function SecretInput(props: FieldProps): JSX.Element {
  const [before] = useState(props.value);
  const isKept = isSame(props.value, SECRET);
  return (
    <input
      {...common(props)}
      type="password"
      autocomplete="new-password"
      value={isKept ? '' : textOf(props.value)}
      placeholder={isSame(before, SECRET) ? 'stays as it is' : 'none'}
      onInput={(event) => {
        const text = event.currentTarget.value;
        props.onChange(text === '' ? (isSame(before, SECRET) ? SECRET : whenEmpty(props)) : text);
      }}
    />
  );
}

function BooleanInput(props: FieldProps): JSX.Element {
  const { field, value, onChange } = props;
  if (canBeUnset(field)) return <ChoiceInput {...props} choices={[true, false]} />;
  const isOn = (value ?? field.default) === true;
  return (
    <span class="switch">
      <input
        {...common(props)}
        type="checkbox"
        role="switch"
        aria-checked={isOn}
        checked={isOn}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span aria-hidden="true">{isOn ? 'on' : 'off'}</span>
    </span>
  );
}

type Choices = readonly (string | number | boolean)[];

function ChoiceInput(props: FieldProps & { readonly choices: Choices }): JSX.Element {
  const { field, value, choices, onChange } = props;
  const chosen = value ?? (canBeUnset(field) ? undefined : field.default);
  return (
    <select
      {...common(props)}
      value={chosen === undefined ? '' : JSON.stringify(chosen)}
      onChange={(event) => {
        const text = event.currentTarget.value;
        onChange(text === '' ? undefined : (JSON.parse(text) as unknown));
      }}
    >
      {(canBeUnset(field) || chosen === undefined || chosen === null) && <option value="">not set</option>}
      {choices.map((choice) => (
        <option key={String(choice)} value={JSON.stringify(choice)}>
          {typeof choice === 'boolean' ? (choice ? 'on' : 'off') : String(choice)}
        </option>
      ))}
    </select>
  );
}

/**
 * Text that stands for a value in several ways: what was typed stays as it was typed, as long as it still says the same.
 */
function useText(
  value: unknown,
  write: (value: unknown) => string,
  read: (text: string) => unknown,
): [text: string, setText: (text: string) => void] {
  const [typed, setTyped] = useState(write(value));
  return [isSame(read(typed), value) ? typed : write(value), setTyped];
}

const MAX_ROWS = 12;

function rowsFor(text: string): number {
  return Math.min(MAX_ROWS, Math.max(2, text.split('\n').length));
}

/** One entry per line. What is no list (some settings take a word instead) is shown as it is. */
function ListInput(props: FieldProps): JSX.Element {
  const [text, setText] = useText(props.value ?? props.field.default, linesOf, fromLines);
  return (
    <textarea
      {...common(props)}
      rows={rowsFor(text)}
      value={text}
      placeholder="one per line"
      autocapitalize="off"
      spellcheck={false}
      onInput={(event) => {
        setText(event.currentTarget.value);
        props.onChange(fromLines(event.currentTarget.value));
      }}
    />
  );
}

function linesOf(value: unknown): string {
  return Array.isArray(value) ? value.map(textOf).join('\n') : textOf(value);
}

function fromLines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** What has no better form. */
function JsonInput(props: FieldProps): JSX.Element {
  const { field, value, onChange } = props;
  const read = (text: string): unknown => fromJson(text, field.expects);
  const [text, setText] = useText(value ?? field.default, toJson, read);
  return (
    <textarea
      {...common(props)}
      class="code"
      rows={rowsFor(text)}
      value={text}
      autocapitalize="off"
      spellcheck={false}
      onInput={(event) => {
        setText(event.currentTarget.value);
        onChange(read(event.currentTarget.value));
      }}
    />
  );
}

function toJson(value: unknown): string {
  if (value instanceof Unfinished) return value.text;
  if (value === undefined || value === null) return '';
  // Where text is allowed besides lists or objects (queries, addresses), nobody wants to write quotation marks.
  if (typeof value === 'string' && fromJson(value, '') === value) return value;
  return JSON.stringify(value, null, 2);
}

/** JSON, or text that does not begin like it. */
function fromJson(text: string, expects: string): unknown {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  try {
    return JSON.parse(trimmed) as unknown;
  } catch {
    return /^[[{"]/.test(trimmed) ? new Unfinished(text, `is no JSON yet; it must be ${expects}`) : trimmed;
  }
}
