/** Questions on top of the page. `<dialog>` keeps the focus inside and gives it back; Escape closes. */
import type { ComponentChildren, JSX } from 'preact';
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { messageOf } from '../api/errors.ts';
import { Button } from './button.tsx';
import { Notice } from './notice.tsx';

interface DialogProps {
  readonly title: string;
  readonly isWide?: boolean;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** With a title and a content of its own. */
export function Dialog({ title, isWide = false, onClose, children }: DialogProps): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      class={isWide ? 'dialog wide' : 'dialog'}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <h2 id={titleId}>{title}</h2>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  readonly title: string;
  /** What the button says, a verb: "Kick", "Delete". */
  readonly action: string;
  readonly look?: 'primary' | 'danger';
  /** What is done when the user agrees; the dialog stays open, with the reason, when it fails. */
  readonly onConfirm: () => Promise<void>;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** "Are you sure", with what will happen. */
export function Confirm({
  title,
  action,
  look = 'danger',
  onConfirm,
  onClose,
  children,
}: ConfirmProps): JSX.Element {
  const [isBusy, setIsBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const confirm = async (): Promise<void> => {
    setIsBusy(true);
    setError(null);
    try {
      await onConfirm();
      onClose();
    } catch (failure) {
      setError(messageOf(failure));
      setIsBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="dialog-text">{children}</div>
      {error !== null && <Notice kind="error">{error}</Notice>}
      <div class="dialog-buttons">
        <Button onClick={onClose}>Cancel</Button>
        <Button look={look} isBusy={isBusy} onClick={() => void confirm()}>
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
