/** What all controls of a form have in common. */
import type { JSX } from 'preact';
import type { SettingField } from '../../../admin/api-types.ts';

/** What is wrong, by full path such as `listeners[0].bind`. */
export type FieldErrors = ReadonlyMap<string, string>;

/** What every control gets. */
export interface FieldProps {
  readonly field: SettingField;
  /** Where it stands in the configuration; unlike `field.path` complete. */
  readonly path: string;
  readonly value: unknown;
  readonly errors: FieldErrors;
  readonly isDisabled?: boolean;
  readonly onChange: (value: unknown) => void;
}

/** Shows a setting inside an entry of a list; given from outside, because lists stand in forms themselves. */
export type RenderField = (props: FieldProps) => JSX.Element;

/** The id of a control in the page, to which labels and the way from an error lead. */
export function idOf(path: string): string {
  return `field-${path.replace(/[^\w-]/g, '-')}`;
}
