/**
 * Writes a configuration as a file that could have been its source, with a note where each value came from.
 * Secrets are masked. Pure.
 */
import { type Group, isKey, type Key } from './key.ts';
import { isRecord } from './key-path.ts';
import type { LoadedConfig } from './load.ts';
import { masked } from './mask.ts';
import { SCHEMA } from './schema.ts';

/** JSON with comments, every setting included. */
export function renderConfig(loaded: LoadedConfig): string {
  return `${renderGroup({ group: SCHEMA, values: loaded.values, path: '', loaded })}\n`;
}

interface Place {
  readonly group: Group;
  readonly values: unknown;
  readonly path: string;
  readonly loaded: LoadedConfig;
}

function renderGroup({ group, values, path, loaded }: Place, indent = ''): string {
  const inner = `${indent}  `;
  const names = Object.keys(group);
  const lines = Object.entries(group).map(([name, node], position) => {
    const value = isRecord(values) ? values[name] : undefined;
    const comma = position === names.length - 1 ? '' : ',';
    const here = path + name;
    if (!isKey(node)) {
      const rendered = renderGroup({ group: node, values: value, path: `${here}.`, loaded }, inner);
      return `${inner}"${name}": ${rendered}${comma}`;
    }
    const origin = loaded.originOf(here);
    const comment = origin === 'default' ? '' : ` // ${origin}`;
    return `${inner}"${name}": ${renderValue(node, value, inner)}${comma}${comment}`;
  });
  return `{\n${lines.join('\n')}\n${indent}}`;
}

function renderValue(key: Key<unknown>, value: unknown, indent: string): string {
  const shown = masked(key, value);
  const isList = key.items !== undefined || key.variants !== undefined;
  if (!isList || !Array.isArray(shown) || shown.length === 0) return JSON.stringify(shown);
  const entries = shown.map((entry) => `${indent}  ${JSON.stringify(entry)}`);
  return `[\n${entries.join(',\n')}\n${indent}]`;
}
