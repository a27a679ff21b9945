/** One setting of a form: name, control, explanation, and what is wrong with it. Built from what the gateway says of it. */
import type { ComponentChildren, JSX } from 'preact';
import type { SettingField } from '../../../admin/api-types.ts';
import { breakable } from '../../format/breakable.tsx';
import { DocText } from '../../format/doc-text.tsx';
import { canBeUnset, isNeeded, showValue, Unfinished } from '../../format/values.ts';
import { Control } from './control.tsx';
import { EntriesInput } from './entries-input.tsx';
import { type FieldProps, idOf } from './field-props.ts';

/** See the head of the file. Inside entries and methods: what has a default may stay empty. */
export function Field(props: FieldProps): JSX.Element {
  const { field, path } = props;
  return (
    <FieldFrame {...props} hint={defaultHint(field)}>
      <ControlOrEntries key={path} {...props} />
    </FieldFrame>
  );
}

/** The control alone. */
export function ControlOrEntries(props: FieldProps): JSX.Element {
  const { kind } = props.field.value;
  return kind === 'entries' || kind === 'variants' ? (
    <EntriesInput {...props} renderField={Field} />
  ) : (
    <Control {...props} />
  );
}

function defaultHint(field: SettingField): string {
  if (isNeeded(field)) return 'needed';
  return canBeUnset(field) ? 'optional' : `default ${showValue(field.default, field.value)}`;
}

interface FrameProps extends FieldProps {
  readonly hint: ComponentChildren;
  /** Below the control and what is wrong with it. */
  readonly footer?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** Around a control: a group with a heading where the control is several ones. */
export function FieldFrame({ field, path, value, errors, hint, footer, children }: FrameProps): JSX.Element {
  const id = idOf(path);
  const complaint = value instanceof Unfinished ? value.complaint : errors.get(path);
  const isGroup = field.value.kind === 'entries' || field.value.kind === 'variants';
  return (
    <div class={complaint === undefined ? 'field' : 'field wrong'}>
      <div class="field-head">
        {isGroup ? (
          <span class="field-name">{breakable(field.path)}</span>
        ) : (
          <label class="field-name" for={id}>
            {breakable(field.path)}
          </label>
        )}
        <span class="field-hint">{hint}</span>
      </div>
      {isGroup && <Doc id={id} text={field.doc} />}
      {children}
      {complaint !== undefined && (
        <p class="field-error" id={`${id}-error`} role="alert">
          {complaint}
        </p>
      )}
      {footer}
      {!isGroup && <Doc id={id} text={field.doc} />}
    </div>
  );
}

function Doc({ id, text }: { readonly id: string; readonly text: string }): JSX.Element {
  return (
    <p class="field-doc" id={`${id}-doc`}>
      <DocText text={text} />
    </p>
  );
}
