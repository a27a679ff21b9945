/** What a page of JSON is made of, so that two pages can be compared without their values. */

/** Dotted paths of all fields with what kind of value each has. */
export function fieldsOf(value: unknown, path = '', found = new Map<string, string>()): Map<string, string> {
  found.set(path, kindOf(value));
  if (typeof value !== 'object' || value === null) return found;
  for (const [name, inner] of Object.entries(value)) {
    const here = Array.isArray(value) ? `${path}[]` : `${path}${path === '' ? '' : '.'}${name}`;
    // Its names are paths of pages.
    if (name !== 'http_req_stats') fieldsOf(inner, here, found);
  }
  return found;
}

const FORMS: readonly (readonly [kind: string, form: RegExp])[] = [
  ['time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/],
  // Both durations and uptimes.
  ['duration', /^(?:\d+[ydhm])*\d+(?:\.\d+)?(?:s|ms|µs|ns)$/],
  ['version', /^\d+\.\d+\.\d+$/],
];

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'list';
  if (typeof value !== 'string') return value === null ? 'null' : typeof value;
  return FORMS.find(([, form]) => form.test(value))?.[0] ?? 'text';
}
