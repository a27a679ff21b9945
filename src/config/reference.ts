/** Renders the schema as the table of settings in docs/configuration.md. Pure: the same schema gives the same text. */
import type { Variants } from './entries.ts';
import { environmentName, type Group, isKey, isRequired, type Key } from './key.ts';
import { SCHEMA } from './schema.ts';

/** Markdown: how to set a setting from outside the file, then a table of all of them. */
export function configReference(): string {
  const rows = [...rowsOf(SCHEMA, '')].map((cells) => `| ${cells.join(' | ')} |`);
  return [
    `In the environment a setting is named after its path: \`upstream.url\` is \`${environmentName('upstream.url')}\`, with two`,
    'underscores between levels; lists are written as JSON. On the command line any setting can be given as',
    '`--set upstream.url=mqtt://HOST`. Flags win over the environment, the environment over the file, the file over the',
    'defaults.',
    '',
    'Durations are written `"500ms"`, `"60s"`, `"2m"`, `"1h30m"` (a bare number is seconds), sizes `4096`, `"64KB"`, `"1MB"`',
    '(1 KB is 1,024 bytes). Variables in texts are `${connect.user}`, `${connect.pass}` and other fields of CONNECT,',
    '`${generated}`, `${peer.address}`, `${listener}`, of a verified client certificate `${tls.common_name}` and',
    '`${tls.subject}`, and `${identity.name}` and other attributes of who has been authenticated.',
    '',
    '| Setting | Default | Allowed | Meaning |',
    '|---|---|---|---|',
    ...rows,
  ].join('\n');
}

function* rowsOf(group: Group, prefix: string): Generator<string[]> {
  for (const [name, node] of Object.entries(group)) {
    if (!isKey(node)) {
      yield* rowsOf(node, `${prefix}${name}.`);
      continue;
    }
    const absent = isRequired(node) ? 'required' : 'not set';
    const shown = node.default === undefined ? absent : `\`${JSON.stringify(node.default)}\``;
    yield [`\`${prefix}${name}\``, shown, cell(node.type.short ?? node.type.allowed), cell(meaning(node))];
    if (node.items !== undefined) yield* rowsOf(node.items, `${prefix}${name}[].`);
    if (node.variants !== undefined) yield* rowsOfVariants(node.variants, prefix + name);
  }
}

/** What all kinds have, then each kind; its name stands in the place of the position. */
function* rowsOfVariants({ by, common, groups }: Variants, path: string): Generator<string[]> {
  const kinds = Object.keys(groups);
  yield [`\`${path}[].${by}\``, 'required', kinds.join(', '), `Which ${by} the entry sets up.`];
  yield* rowsOf(common, `${path}[].`);
  for (const kind of kinds) yield* rowsOf(groups[kind] ?? {}, `${path}[${kind}].`);
}

function meaning({ doc, needsRestart }: Key<unknown>): string {
  return needsRestart === true ? `${doc} Needs a restart.` : doc;
}

/** A bar would end the cell, and GitHub takes `<` for HTML. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
