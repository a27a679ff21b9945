/** Texts with `${name}` placeholders, as used for client ids, credentials and mountpoints. Knows no names. */

const PLACEHOLDER = /\$\{([^}]*)\}/g;

/** Names of the placeholders in a template, in order, repeats kept. */
export function placeholders(template: string): string[] {
  return [...template.matchAll(PLACEHOLDER)].map((match) => match[1] ?? '');
}

/**
 * Replaces each placeholder.
 * @param resolve value of a name, or null when there is none
 * @returns null as soon as one value is missing
 */
export function renderTemplate(template: string, resolve: (name: string) => string | null): string | null {
  let isComplete = true;
  const text = template.replace(PLACEHOLDER, (_all, name: string) => {
    const value = resolve(name);
    if (value === null) isComplete = false;
    return value ?? '';
  });
  return isComplete ? text : null;
}
