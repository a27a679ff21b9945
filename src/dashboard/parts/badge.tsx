/** A state in one word, with a colour that only repeats it. */
import type { ComponentChildren, JSX } from 'preact';

/** What it means for an operator. */
export type Tone = 'good' | 'warn' | 'bad' | 'muted' | 'accent';

/** See the head of the file. */
export function Badge({
  tone,
  children,
}: {
  readonly tone: Tone;
  readonly children: ComponentChildren;
}): JSX.Element {
  return <span class={`badge ${tone}`}>{children}</span>;
}
