/** A command to take along. */
import type { JSX } from 'preact';
import { useServices } from '../state/services.ts';
import { IconButton } from './button.tsx';

/** See the head of the file. */
export function CopyText({ text }: { readonly text: string }): JSX.Element {
  const { announce } = useServices();
  const copy = (): void => {
    // Browsers offer the clipboard on https and on this machine only.
    const written = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error('no clipboard'));
    written.then(
      () => announce('Copied'),
      () => announce('The browser does not allow copying here; select the text instead.', 'failed'),
    );
  };
  return (
    <div class="copy-text">
      <code>{text}</code>
      <IconButton label="Copy" icon="copy" onClick={copy} />
    </div>
  );
}
