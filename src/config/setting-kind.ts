/** What a form needs to know of each setting, from the schema. Pure. */
import { variantOf } from './entries.ts';
import type { Format } from './formats.ts';
import { type Group, isRequired, type Key, keysOf } from './key.ts';

/** How a value of a setting is written. */
export type SettingKind =
  | { readonly kind: 'text' | 'secret' | 'duration' | 'size' | 'address' | 'template' | 'url' | 'file' }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'choice'; readonly choices: readonly (string | number | boolean)[] }
  | { readonly kind: 'list' }
  /** A list of objects, each with the settings of `fields`. */
  | { readonly kind: 'entries'; readonly fields: readonly SettingField[] }
  /** A list of objects whose settings depend on the value of `by`. */
  | {
      readonly kind: 'variants';
      readonly by: string;
      readonly variants: Readonly<Record<string, readonly SettingField[]>>;
    }
  | { readonly kind: 'json' };

/** One field of a form. */
export interface SettingField {
  /** Dotted path, inside an entry relative to it. */
  readonly path: string;
  readonly doc: string;
  /** What is allowed, in words. */
  readonly expects: string;
  readonly value: SettingKind;
  readonly default: unknown;
  readonly isOptional: boolean;
}

const KINDS: Readonly<Record<string, SettingKind>> = {
  text: { kind: 'text' },
  duration: { kind: 'duration' },
  size: { kind: 'size' },
  address: { kind: 'address' },
  template: { kind: 'template' },
  mountpoint: { kind: 'template' },
  url: { kind: 'url' },
  boolean: { kind: 'boolean' },
  list: { kind: 'list' },
};

/** A setting as a field of a form. */
export function fieldOf(path: string, key: Key<unknown>): SettingField {
  return {
    path,
    doc: key.doc,
    expects: key.type.allowed,
    value: kindOf(path, key),
    default: key.default ?? null,
    isOptional: !isRequired(key),
  };
}

/** All settings of a group. */
function fieldsOf(group: Group): SettingField[] {
  return [...keysOf(group)].map(([path, key]) => fieldOf(path, key));
}

function kindOf(path: string, key: Key<unknown>): SettingKind {
  if (key.items !== undefined) return { kind: 'entries', fields: fieldsOf(key.items) };
  if (key.variants !== undefined) {
    const { variants } = key;
    const { by, groups } = variants;
    const fields = Object.keys(groups).map((name) => {
      const { [by]: _by, ...rest } = variantOf(variants, { [by]: name }) ?? {};
      return [name, fieldsOf(rest)] as const;
    });
    return { kind: 'variants', by, variants: Object.fromEntries(fields) };
  }
  const kind = kindOfFormat(key.type);
  if (key.isSecret === true && kind.kind !== 'json') return { kind: 'secret' };
  // The one sign by which settings that name a file can be told.
  return kind.kind === 'text' && /_file$/.test(path) ? { kind: 'file' } : kind;
}

/** What has no control of its own is written as JSON. */
function kindOfFormat({ kind, form }: Format<unknown>): SettingKind {
  return form ?? KINDS[kind] ?? { kind: 'json' };
}
