/**
 * Fills in what the template of a scoped signing key leaves open: `{{name()}}` and the like, each a whole token of a
 * subject. Must not know where the values come from.
 */
import type { Grant } from './nats-grant.ts';
import type { SubjectRules } from './permissions.ts';

/** What the variables of a template stand for. */
export interface ScopeValues {
  readonly name: string;
  readonly subject: string;
  readonly accountName: string;
  readonly accountSubject: string;
  /** `key:value` */
  readonly tags: readonly string[];
  readonly accountTags: readonly string[];
}

/** A few tags with many values each, in a few tokens, are millions of subjects. */
const MAX_SUBJECTS = 1000;

/**
 * The grant for one user. An entry of an allow list without a value for one of its variables is left out; if none is
 * left, everything is denied.
 * @returns null when an entry of a deny list has no value, or there would be too many entries
 */
export function fillScope(template: Grant, values: ScopeValues): Grant | null {
  const publish = fillRules(template.permissions.publish, values);
  const subscribe = fillRules(template.permissions.subscribe, values);
  if (publish === null || subscribe === null) return null;
  return { ...template, permissions: { ...template.permissions, publish, subscribe } };
}

function fillRules(rules: SubjectRules, values: ScopeValues): SubjectRules | null {
  const allow = rules.allow.flatMap((entry) => fillEntry(entry, values).subjects);
  const denied = rules.deny.map((entry) => fillEntry(entry, values));
  // One value left out of a deny list would be one thing more that is allowed.
  if (!denied.every(({ isComplete }) => isComplete)) return null;
  const deny = denied.flatMap(({ subjects }) => subjects);
  if (allow.length + deny.length > MAX_SUBJECTS) return null;
  // An empty list would allow everything.
  const isNothingLeft = rules.allow.length > 0 && allow.length === 0;
  return { allow, deny: isNothingLeft ? [...deny, '>'] : deny };
}

interface Filled {
  readonly subjects: readonly string[];
  /** Every variable had a value, and every value could be used. */
  readonly isComplete: boolean;
}

/** All entries that one with variables stands for: a tag may have several values. */
function fillEntry(entry: string, values: ScopeValues): Filled {
  let filled: string[][] = [[]];
  let isComplete = true;
  for (const token of entry.split('.')) {
    const operation = /^\{\{(.*)\}\}$/.exec(token)?.[1];
    const found = operation === undefined ? [token] : valuesOf(operation.toLowerCase(), values);
    const choices = operation === undefined ? found : found.filter(isHarmless);
    isComplete &&= found.length > 0 && choices.length === found.length;
    if (filled.length * choices.length > MAX_SUBJECTS) return { subjects: [], isComplete: false };
    filled = filled.flatMap((tokens) => choices.map((choice) => [...tokens, choice]));
  }
  return { subjects: filled.map((tokens) => tokens.join('.')), isComplete };
}

function valuesOf(operation: string, values: ScopeValues): string[] {
  switch (operation) {
    case 'name()':
      return [values.name];
    case 'subject()':
      return [values.subject];
    case 'account-name()':
      return [values.accountName];
    case 'account-subject()':
      return [values.accountSubject];
    default: {
      const [, source, tag] = /^(tag|account-tag)\((.*)\)$/.exec(operation) ?? [];
      if (tag === undefined) return [];
      const tags = source === 'tag' ? values.tags : values.accountTags;
      return tags.filter((text) => text.startsWith(`${tag}:`)).map((text) => text.slice(tag.length + 1));
    }
  }
}

/** A user called `>` would else be allowed everything, and one called `a queue` something else than meant. */
function isHarmless(value: string): boolean {
  return (
    !/\s/.test(value) && value.split('.').every((token) => token !== '' && token !== '*' && token !== '>')
  );
}
