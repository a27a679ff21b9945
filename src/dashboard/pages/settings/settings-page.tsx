/** All settings, as they are in force, with where they come from; changed in place. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { SettingsBody } from '../../../admin/api-types.ts';
import { messageOf } from '../../api/errors.ts';
import { plural } from '../../format/numbers.ts';
import { Button } from '../../parts/button.tsx';
import type { FieldErrors } from '../../parts/fields/field-props.ts';
import { Notice, Pending } from '../../parts/notice.tsx';
import { Page } from '../../parts/page.tsx';
import { goTo } from '../../state/navigation.ts';
import { usePolled } from '../../state/polled.ts';
import { linkTo, type Route } from '../../state/route.ts';
import { useServices } from '../../state/services.ts';
import { ChangeBar } from './change-bar.tsx';
import { groupsOf } from './groups.ts';
import { SettingRow } from './setting-row.tsx';

/** See the head of the file. */
export function SettingsPage({ route }: { readonly route: Route }): JSX.Element {
  const { api } = useServices();
  const { data, error, refresh } = usePolled('settings', () => api.settings(), 0);
  return (
    <Page
      title="Settings"
      hint={data !== null && <FileHint settings={data} />}
      actions={<Reload onDone={refresh} />}
    >
      {data === null ? (
        <Pending error={error} onRetry={refresh} />
      ) : (
        <Form settings={data} search={route.query.search ?? ''} onApplied={refresh} />
      )}
    </Page>
  );
}

function FileHint({ settings }: { readonly settings: SettingsBody }): JSX.Element {
  const { path, isThere, isWritable } = settings.file;
  if (isThere)
    return (
      <>
        Kept in <code>{path}</code>
        {!isWritable && ', which the gateway may not write: nothing can be changed here'}.
      </>
    );
  return (
    <>
      There is no configuration file yet.{' '}
      {isWritable ? 'Your first change makes ' : 'Nothing can be changed here: the gateway may not make '}
      <code>{path}</code>.
    </>
  );
}

function Reload({ onDone }: { readonly onDone: () => void }): JSX.Element {
  const { api, announce } = useServices();
  const [isBusy, setIsBusy] = useState(false);
  const reload = async (): Promise<void> => {
    setIsBusy(true);
    try {
      const { changed } = await api.reload();
      announce(changed.length === 0 ? 'Nothing has changed' : `Taken over: ${changed.join(', ')}`);
      onDone();
    } catch (failure) {
      announce(`Nothing was changed: ${messageOf(failure)}`, 'failed');
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <Button isBusy={isBusy} onClick={() => void reload()}>
      Read the file again
    </Button>
  );
}

interface FormProps {
  readonly settings: SettingsBody;
  readonly search: string;
  readonly onApplied: () => void;
}

function Form({ settings, search, onApplied }: FormProps): JSX.Element {
  const { drafts } = useServices();
  const [changes, setChanges] = useState(drafts.changes);
  const [errors, setErrors] = useState<FieldErrors>(new Map());
  useEffect(() => drafts.subscribe(() => setChanges(drafts.changes)), [drafts]);
  const groups = groupsOf(settings.settings, search);
  const pending = settings.settings.filter(({ isPending }) => isPending);
  const isReadOnly = !settings.file.isWritable;
  return (
    <>
      {pending.length > 0 && (
        <Notice kind="warning">
          {plural(pending.length, 'changed setting waits', 'changed settings wait')} for a restart of the
          gateway: {pending.map(({ path }) => path).join(', ')}
        </Notice>
      )}
      <div class="settings">
        <Contents groups={groups} search={search} />
        <div class="settings-groups">
          {groups.map(({ id, title, settings: members }) => (
            <section key={id} id={`group-${id}`} class="panel" aria-labelledby={`group-${id}-title`}>
              <h2 id={`group-${id}-title`} tabIndex={-1}>
                {title}
              </h2>
              {members.map((setting) => (
                <SettingRow
                  key={setting.path}
                  setting={setting}
                  isReadOnly={isReadOnly}
                  isChanged={changes.has(setting.path)}
                  draft={changes.get(setting.path)}
                  errors={errors}
                />
              ))}
            </section>
          ))}
          {groups.length === 0 && <p class="hint">No setting matches.</p>}
        </div>
      </div>
      {changes.size > 0 && (
        <ChangeBar settings={settings} changes={changes} onErrors={setErrors} onApplied={onApplied} />
      )}
    </>
  );
}

interface ContentsProps {
  readonly groups: ReturnType<typeof groupsOf>;
  readonly search: string;
}

function Contents({ groups, search }: ContentsProps): JSX.Element {
  const show = (id: string): void => {
    const title = document.getElementById(`group-${id}-title`);
    title?.scrollIntoView({ block: 'start' });
    title?.focus({ preventScroll: true });
  };
  return (
    <nav class="contents" aria-label="Groups of settings">
      <label class="filter">
        Find a setting
        <input
          type="search"
          value={search}
          placeholder="Name or text"
          onInput={(event) => goTo(linkTo(['settings'], { search: event.currentTarget.value }), true)}
        />
      </label>
      <ul>
        {groups.map(({ id, title, settings }) => (
          <li key={id}>
            <button type="button" onClick={() => show(id)}>
              {title} <span class="muted numbers">{settings.length}</span>
            </button>
          </li>
        ))}
      </ul>
    </nav>
  );
}
