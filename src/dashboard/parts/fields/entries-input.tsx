/** A list of objects, such as listeners and rules: each entry opens to a form of its own. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { SettingField, SettingKind } from '../../../admin/api-types.ts';
import { emptyEntry, isRecord, showValue, valueAt, withValueAt } from '../../format/values.ts';
import { Button, IconButton } from '../button.tsx';
import type { FieldErrors, FieldProps, RenderField } from './field-props.ts';

type Entry = Readonly<Record<string, unknown>>;

/** See the head of the file. */
export function EntriesInput(props: FieldProps & { readonly renderField: RenderField }): JSX.Element {
  const { field, path, errors, isDisabled = false, onChange } = props;
  const entries = entriesOf(props.value ?? field.default);
  // Entries have no names of their own: keys that move with them keep the open ones open.
  const [keys, setKeys] = useState<readonly number[]>([]);
  const stable = entries.map((_entry, i) => keys[i] ?? i + 1_000_000);
  const [opened, setOpened] = useState<number | null>(null);
  const replace = (changed: readonly Entry[], changedKeys: readonly number[]): void => {
    setKeys(changedKeys);
    onChange(changed);
  };
  const add = (): void => {
    const key = Math.max(0, ...stable) + 1;
    setOpened(key);
    replace([...entries, newEntry(field.value)], [...stable, key]);
  };
  const move = (from: number, to: number): void => replace(moved(entries, from, to), moved(stable, from, to));
  const remove = (at: number): void =>
    replace(
      entries.filter((_entry, i) => i !== at),
      stable.filter((_key, i) => i !== at),
    );
  return (
    <div class="entries">
      {entries.map((entry, i) => (
        <EntryForm
          key={stable[i]}
          position={i}
          count={entries.length}
          entry={entry}
          path={`${path}[${i}]`}
          fields={fieldsOf(field.value, entry)}
          errors={errors}
          renderField={props.renderField}
          isDisabled={isDisabled}
          isOpen={stable[i] === opened}
          onChange={(changed) => replace(entries.with(i, changed), stable)}
          onMove={move}
          onRemove={remove}
        />
      ))}
      {!isDisabled && (
        <Button icon="plus" onClick={add}>
          Add to {field.path}
        </Button>
      )}
    </div>
  );
}

function entriesOf(value: unknown): readonly Entry[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const copy = [...list];
  copy.splice(to, 0, ...copy.splice(from, 1));
  return copy;
}

/** The settings of an entry; where there are several kinds, first the one that says which. */
function fieldsOf(kind: SettingKind, entry: Entry): readonly SettingField[] {
  if (kind.kind === 'entries') return kind.fields;
  if (kind.kind !== 'variants') return [];
  return [
    variantField(kind),
    ...(kind.variants[String(entry[kind.by])] ?? []).filter(({ path }) => path !== kind.by),
  ];
}

function variantField(kind: Extract<SettingKind, { kind: 'variants' }>): SettingField {
  return {
    path: kind.by,
    doc: 'The kind of this entry.',
    expects: Object.keys(kind.variants).join(', '),
    value: { kind: 'choice', choices: Object.keys(kind.variants) },
    default: undefined,
    isOptional: false,
  };
}

function newEntry(kind: SettingKind): Entry {
  if (kind.kind === 'entries') return emptyEntry(kind.fields);
  if (kind.kind !== 'variants') return {};
  const [variant = '', fields = []] = Object.entries(kind.variants)[0] ?? [];
  return { ...emptyEntry(fields), [kind.by]: variant };
}

interface EntryFormProps {
  readonly position: number;
  readonly count: number;
  readonly entry: Entry;
  readonly path: string;
  readonly fields: readonly SettingField[];
  readonly errors: FieldErrors;
  readonly renderField: RenderField;
  readonly isDisabled: boolean;
  readonly isOpen: boolean;
  readonly onChange: (entry: Entry) => void;
  readonly onMove: (from: number, to: number) => void;
  readonly onRemove: (at: number) => void;
}

function EntryForm(props: EntryFormProps): JSX.Element {
  const { position, entry, path, fields, errors, renderField: Shown, isDisabled, onChange } = props;
  const isWrong = [...errors.keys()].some((wrong) => wrong === path || wrong.startsWith(`${path}.`));
  return (
    <details class={isWrong ? 'entry wrong' : 'entry'} open={props.isOpen || isWrong}>
      <summary>
        <span class="numbers muted">{position + 1}</span> {summaryOf(entry, fields)}
      </summary>
      {errors.has(path) && (
        <p class="field-error" role="alert">
          {errors.get(path)}
        </p>
      )}
      <div class="entry-fields">
        {fields.map((field) => (
          <Shown
            key={field.path}
            field={field}
            path={`${path}.${field.path}`}
            value={valueAt(entry, field.path)}
            errors={errors}
            isDisabled={isDisabled}
            onChange={(value) => onChange(withValueAt(entry, field.path, value))}
          />
        ))}
      </div>
      {!isDisabled && <EntryButtons {...props} />}
    </details>
  );
}

function EntryButtons({ position, count, onMove, onRemove }: EntryFormProps): JSX.Element {
  return (
    <div class="entry-buttons">
      <IconButton
        label="Move up"
        icon="up"
        isDisabled={position === 0}
        onClick={() => onMove(position, position - 1)}
      />
      <IconButton
        label="Move down"
        icon="down"
        isDisabled={position === count - 1}
        onClick={() => onMove(position, position + 1)}
      />
      <Button look="danger" onClick={() => onRemove(position)}>
        Remove
      </Button>
    </div>
  );
}

const SUMMARY_PARTS = 3;

/** The first few plain values. */
function summaryOf(entry: Entry, fields: readonly SettingField[]): JSX.Element {
  const parts = fields
    .map((field) => [field, valueAt(entry, field.path)] as const)
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value) && value !== '')
    .slice(0, SUMMARY_PARTS);
  if (parts.length === 0) return <em>new entry</em>;
  return (
    <span class="entry-summary">
      {parts.map(([field, value], i) => (
        <span key={field.path} class={i === 0 ? 'entry-title' : ''}>
          {i > 0 && <span class="muted">{field.path} </span>}
          {showValue(value, field.value)}
        </span>
      ))}
    </span>
  );
}
