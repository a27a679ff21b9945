/** Buttons: what they do is written on them, or in their label where they are an icon only. */
import type { ComponentChildren, JSX } from 'preact';
import { Icon, type IconName } from './icons.tsx';

/** How much weight it has: one `primary` per view; `danger` ends or deletes something. */
type Look = 'plain' | 'primary' | 'danger' | 'quiet';

interface ButtonProps {
  readonly look?: Look;
  readonly type?: 'button' | 'submit';
  readonly icon?: IconName;
  readonly isDisabled?: boolean;
  /** While what it does goes on. */
  readonly isBusy?: boolean;
  readonly onClick?: () => void;
  readonly children: ComponentChildren;
}

/** With a text. */
export function Button(props: ButtonProps): JSX.Element {
  const {
    look = 'plain',
    type = 'button',
    icon,
    isDisabled = false,
    isBusy = false,
    onClick,
    children,
  } = props;
  return (
    <button
      type={type}
      class={`button ${look}`}
      disabled={isDisabled || isBusy}
      aria-busy={isBusy}
      onClick={() => onClick?.()}
    >
      {icon !== undefined && <Icon name={icon} />}
      {children}
    </button>
  );
}

interface IconButtonProps {
  readonly label: string;
  readonly icon: IconName;
  readonly isDisabled?: boolean;
  readonly isExpanded?: boolean;
  readonly onClick: () => void;
}

/** With an icon; the label is read out and shown as a tip. */
export function IconButton({
  label,
  icon,
  isDisabled = false,
  isExpanded,
  onClick,
}: IconButtonProps): JSX.Element {
  return (
    <button
      type="button"
      class="button icon-only quiet"
      aria-label={label}
      title={label}
      disabled={isDisabled}
      {...(isExpanded !== undefined && { 'aria-expanded': isExpanded })}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}
