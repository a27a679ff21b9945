/** Names that are longer than the place they have. */
import type { ComponentChildren } from 'preact';

/** A name may be broken behind its dots, dashes and underscores. */
export function breakable(name: string): ComponentChildren {
  return name.split(/(?<=[._-])/).flatMap((part, i) => (i === 0 ? [part] : [<wbr key={part} />, part]));
}
