/** Texts of the settings' reference: plain sentences in which backticks mark names and values. */
import type { JSX } from 'preact';

/** See the head of the file. */
export function DocText({ text }: { readonly text: string }): JSX.Element {
  const parts = text.split('`');
  return <>{parts.map((part, i) => (i % 2 === 1 ? <code key={i}>{part}</code> : part))}</>;
}
