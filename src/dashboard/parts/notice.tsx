/** Sentences that stand out: errors, warnings, results, and what to do where there is nothing yet. */
import type { ComponentChildren, JSX } from 'preact';
import { messageOf } from '../api/errors.ts';
import { Button } from './button.tsx';
import { Icon, type IconName } from './icons.tsx';

type Kind = 'error' | 'warning' | 'done' | 'info';

const ICONS: Readonly<Record<Kind, IconName>> = {
  error: 'error',
  warning: 'warning',
  done: 'check',
  info: 'info',
};

/** Read out as soon as it appears. */
export function Notice({
  kind,
  children,
}: {
  readonly kind: Kind;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <div class={`notice ${kind}`} role={kind === 'error' ? 'alert' : 'status'}>
      <Icon name={ICONS[kind]} />
      <div>{children}</div>
    </div>
  );
}

/** Nothing here: why, and what to do next. */
export function Empty({
  title,
  children,
}: {
  readonly title: string;
  readonly children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** While the first answer is not there, or could not be had. */
export function Pending({
  error,
  onRetry,
}: {
  readonly error: unknown;
  readonly onRetry: () => void;
}): JSX.Element {
  if (error === null) return <p class="pending">Loading …</p>;
  return (
    <Notice kind="error">
      <p>{messageOf(error)}</p>
      <Button onClick={onRetry}>Try again</Button>
    </Notice>
  );
}
