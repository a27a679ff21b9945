/** Who may connect: the chain of methods, its forms, and the users of the built-in one. */
import type { JSX } from 'preact';
import { Pending } from '../../parts/notice.tsx';
import { Page } from '../../parts/page.tsx';
import { usePolled } from '../../state/polled.ts';
import { linkTo, type Route } from '../../state/route.ts';
import { useServices } from '../../state/services.ts';
import { AddMethod } from './add-method.tsx';
import { Chain } from './chain.tsx';
import { MethodForm } from './method-form.tsx';
import { UsersView } from './users-view.tsx';

const INTERVAL_MS = 5000;

/** See the head of the file. */
export function AuthenticationPage({ route }: { readonly route: Route }): JSX.Element {
  const view = route.path[1] ?? 'chain';
  return (
    <Page title="Authentication">
      <nav class="tabs" aria-label="Parts of authentication">
        <a href={linkTo(['authentication'])} aria-current={view === 'users' ? undefined : 'page'}>
          Methods
        </a>
        <a href={linkTo(['authentication', 'users'])} aria-current={view === 'users' ? 'page' : undefined}>
          Users
        </a>
      </nav>
      {view === 'users' ? <UsersView /> : <Methods view={view} subject={route.path[2] ?? ''} />}
    </Page>
  );
}

/** @param view `chain`, `add` or `edit`; `subject` is the method or the position that it is about */
function Methods({ view, subject }: { readonly view: string; readonly subject: string }): JSX.Element {
  const { api } = useServices();
  const isForm = view !== 'chain' && subject !== '';
  // A form keeps what it was opened with: an answer must not change it under the user's hands.
  const { data, error, refresh } = usePolled(
    'authentication',
    () => api.authentication(),
    isForm ? 0 : INTERVAL_MS,
  );
  if (data === null) return <Pending error={error} onRetry={refresh} />;
  if (view === 'add')
    return subject === '' ? (
      <AddMethod body={data} />
    ) : (
      <MethodForm key={subject} body={data} method={subject} position={null} onSaved={refresh} />
    );
  if (view === 'edit') {
    const edited = data.methods.find(({ position }) => String(position) === subject);
    if (edited !== undefined)
      return (
        <MethodForm
          key={subject}
          body={data}
          method={edited.method}
          position={edited.position}
          onSaved={refresh}
        />
      );
  }
  return <Chain body={data} onChanged={refresh} />;
}
