/** From the place in the URL to the page. */
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { HasNavigated, Page } from '../parts/page.tsx';
import { linkTo, type Route } from '../state/route.ts';
import { AuditPage } from './audit/audit-page.tsx';
import { AuthenticationPage } from './authentication/authentication-page.tsx';
import { ClientsPage } from './clients/clients-page.tsx';
import { OverviewPage } from './overview/overview-page.tsx';
import { SettingsPage } from './settings/settings-page.tsx';
import { TapPage } from './tap/tap-page.tsx';
import { UpstreamPage } from './upstream/upstream-page.tsx';

const PAGES: Readonly<Record<string, (props: { route: Route }) => JSX.Element>> = {
  overview: OverviewPage,
  clients: ClientsPage,
  tap: TapPage,
  upstream: UpstreamPage,
  authentication: AuthenticationPage,
  settings: SettingsPage,
  audit: AuditPage,
};

/** See the head of the file. */
export function CurrentPage({ route }: { readonly route: Route }): JSX.Element {
  const name = route.path[0] ?? '';
  const first = useRef<string | null>(name);
  if (first.current !== name) first.current = null;
  return (
    <HasNavigated.Provider value={first.current === null}>
      <Named name={name} route={route} />
    </HasNavigated.Provider>
  );
}

function Named({ name, route }: { readonly name: string; readonly route: Route }): JSX.Element {
  const Shown = Object.hasOwn(PAGES, name) ? PAGES[name] : undefined;
  if (Shown !== undefined) return <Shown key={name} route={route} />;
  return (
    <Page title="There is no such page">
      <p>
        <a href={linkTo(['overview'])}>Go to the overview</a>
      </p>
    </Page>
  );
}
