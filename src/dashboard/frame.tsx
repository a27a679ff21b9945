/** Around every page: navigation, who is logged in, how the gateway is, and what to do when it is gone. */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { SessionBody } from '../admin/api-types.ts';
import { breakable } from './format/breakable.tsx';
import { Button, IconButton } from './parts/button.tsx';
import { Icon, type IconName } from './parts/icons.tsx';
import { linkTo } from './state/route.ts';
import { useFeed, useServices } from './state/services.ts';
import { applyTheme, storedTheme, type Theme } from './state/theme.ts';

const SECTIONS: readonly (readonly [path: IconName, label: string])[] = [
  ['overview', 'Overview'],
  ['clients', 'Clients'],
  ['tap', 'Tap'],
  ['upstream', 'Upstream'],
  ['authentication', 'Authentication'],
  ['settings', 'Settings'],
  ['audit', 'Audit'],
];

interface FrameProps {
  readonly session: SessionBody;
  /** First part of the path that is shown. */
  readonly section: string;
  readonly onLogOut: () => void;
  readonly children: ComponentChildren;
}

/** See the head of the file. */
export function Frame({ session, section, onLogOut, children }: FrameProps): JSX.Element {
  const [isOpen, setIsOpen] = useState(false);
  useEffect(() => setIsOpen(false), [section]);
  return (
    <div class="frame">
      <button type="button" class="skip" onClick={skipToContent}>
        Skip to the content
      </button>
      <aside class={isOpen ? 'side open' : 'side'}>
        <div class="side-head">
          <Brand />
          <IconButton label="Menu" icon="menu" isExpanded={isOpen} onClick={() => setIsOpen(!isOpen)} />
        </div>
        <nav class="side-body" aria-label="Pages">
          <ul>
            {SECTIONS.map(([path, label]) => (
              <li key={path}>
                <a href={linkTo([path])} aria-current={section === path ? 'page' : undefined}>
                  <Icon name={path} />
                  {label}
                </a>
              </li>
            ))}
          </ul>
          <div class="side-foot">
            <ThemeChoice />
            <Account session={session} onLogOut={onLogOut} />
          </div>
        </nav>
      </aside>
      <div class="content">
        <GoneBanner />
        <main id="content">{children}</main>
      </div>
    </div>
  );
}

function skipToContent(): void {
  document.querySelector<HTMLElement>('main h1')?.focus();
}

function Brand(): JSX.Element {
  const { status, isReachable } = useFeed();
  const tone = toneOf(isReachable, status?.readiness.isReady ?? null);
  return (
    <div class="brand">
      <Mark />
      <div>
        <strong>{breakable(status?.identity.serverName ?? 'NATS MQTT gateway')}</strong>
        <span class={`brand-state ${tone}`}>{STATE_WORDS[tone]}</span>
      </div>
    </div>
  );
}

const STATE_WORDS = { good: 'Ready', warn: 'Not ready', bad: 'No answer', muted: 'Connecting …' } as const;

function toneOf(isReachable: boolean, isReady: boolean | null): keyof typeof STATE_WORDS {
  if (!isReachable) return 'bad';
  if (isReady === null) return 'muted';
  return isReady ? 'good' : 'warn';
}

/** The sign of the program: one arrow to the broker, one back. */
export function Mark(): JSX.Element {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" />
      <path class="there" d="M8 12h13m-4-4 4 4-4 4" />
      <path class="back" d="M24 20H11m4-4-4 4 4 4" />
    </svg>
  );
}

const THEMES: readonly (readonly [Theme, string, IconName])[] = [
  ['system', 'As the system', 'system'],
  ['light', 'Light', 'sun'],
  ['dark', 'Dark', 'moon'],
];

function ThemeChoice(): JSX.Element {
  const [theme, setTheme] = useState(storedTheme());
  return (
    <fieldset class="theme">
      <legend class="hidden">Colours</legend>
      {THEMES.map(([value, label, icon]) => (
        <label key={value} title={label}>
          <input
            type="radio"
            name="theme"
            value={value}
            checked={theme === value}
            onChange={() => {
              applyTheme(value);
              setTheme(value);
            }}
          />
          <Icon name={icon} />
          <span class="hidden">{label}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Account({ session, onLogOut }: Pick<FrameProps, 'session' | 'onLogOut'>): JSX.Element {
  if (!session.isRequired)
    return (
      <p class="hint">
        Everyone on this machine may change everything. Give <code>http.users</code> an entry to ask for a
        password.
      </p>
    );
  return (
    <div class="account">
      <span>{session.user}</span>
      <Button look="quiet" onClick={onLogOut}>
        Log out
      </Button>
    </div>
  );
}

function GoneBanner(): JSX.Element | null {
  const { feed } = useServices();
  const { isReachable, retryAtMs } = useFeed();
  const [nowMs, setNowMs] = useState(Date.now());
  useEffect(() => {
    if (isReachable) return;
    const timer = setInterval(() => setNowMs(Date.now()), 500);
    return () => clearInterval(timer);
  }, [isReachable]);
  if (isReachable) return null;
  const seconds = Math.max(0, Math.ceil((retryAtMs - nowMs) / 1000));
  return (
    <div class="banner" role="alert">
      <Icon name="error" />
      <p>
        <strong>The gateway does not answer.</strong> What you see is the last that was known.{' '}
        <span class="numbers" aria-live="off">
          Next try in {seconds} s.
        </span>
      </p>
      <Button onClick={() => feed.refresh()}>Try now</Button>
    </div>
  );
}
