/** What all pages have in common: a heading that gets the focus when the page is opened, actions, panels, facts. */
import { type ComponentChildren, createContext, type JSX } from 'preact';
import { useContext, useEffect, useId, useRef } from 'preact/hooks';
import { UNKNOWN } from '../format/numbers.ts';

/** Whether the user has come from another page. Nobody has asked for the first one, so it takes no focus. */
export const HasNavigated = createContext(false);

interface PageProps {
  readonly title: string;
  readonly hint?: ComponentChildren;
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** One page. */
export function Page({ title, hint, actions, children }: PageProps): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null);
  const hasNavigated = useContext(HasNavigated);
  useEffect(() => {
    document.title = `${title} – NATS MQTT gateway`;
    // Who navigates by keyboard or hears the page goes on from here.
    if (hasNavigated) heading.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [title]);
  return (
    <>
      <header class="page-head">
        <div>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {hint !== undefined && <p class="hint">{hint}</p>}
        </div>
        {actions !== undefined && <div class="page-actions">{actions}</div>}
      </header>
      {children}
    </>
  );
}

interface PanelProps {
  readonly title: string;
  readonly actions?: ComponentChildren;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** A part of a page. */
export function Panel(props: PanelProps): JSX.Element {
  const id = useId();
  return (
    <section class={`panel ${props.class ?? ''}`} aria-labelledby={id}>
      <header class="panel-head">
        <h2 id={id}>{props.title}</h2>
        {props.actions}
      </header>
      {props.children}
    </section>
  );
}

/** Names and values; what is null or empty is shown as unknown. */
export function Facts({
  facts,
}: {
  readonly facts: readonly (readonly [name: string, value: ComponentChildren])[];
}): JSX.Element {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value === null || value === '' ? UNKNOWN : value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A table that scrolls by itself where the page is too narrow; it can be scrolled by keyboard, too. */
export function TableFrame({
  label,
  children,
}: {
  readonly label: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="table-frame" aria-label={label} tabIndex={0}>
      <table aria-label={label}>{children}</table>
    </section>
  );
}
