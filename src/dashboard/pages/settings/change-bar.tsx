/** Changes that wait to be sent: what they are, Update, and what has come of it. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { AppliedBody, SettingsBody, SettingView } from '../../../admin/api-types.ts';
import { ApiError, messageOf } from '../../api/errors.ts';
import { plural } from '../../format/numbers.ts';
import { showValue, unfinishedIn } from '../../format/values.ts';
import { Badge } from '../../parts/badge.tsx';
import { Button } from '../../parts/button.tsx';
import { Confirm } from '../../parts/dialog.tsx';
import { type FieldErrors, idOf } from '../../parts/fields/field-props.ts';
import { useServices } from '../../state/services.ts';

interface ChangeBarProps {
  readonly settings: SettingsBody;
  readonly changes: ReadonlyMap<string, unknown>;
  readonly onErrors: (errors: FieldErrors) => void;
  readonly onApplied: () => void;
}

/** See the head of the file. */
export function ChangeBar({ settings, changes, onErrors, onApplied }: ChangeBarProps): JSX.Element {
  const { api, drafts, announce } = useServices();
  const [isReviewing, setIsReviewing] = useState(false);
  const unfinished = [...changes].find(([, value]) => unfinishedIn(value) !== null)?.[0];
  const apply = async (): Promise<void> => {
    const change = { revision: settings.revision, changes: Object.fromEntries(changes) };
    try {
      const applied = await api.changeSettings(change);
      drafts.clear();
      onErrors(new Map());
      announce(sentenceFor(applied));
      onApplied();
    } catch (failure) {
      const errors: FieldErrors = failure instanceof ApiError ? failure.fieldErrors : new Map();
      onErrors(errors);
      const first = [...errors.keys()][0];
      // Without a field to show it at, the dialog says it.
      if (first === undefined) throw failure;
      announce(`Nothing was changed: ${messageOf(failure)}`, 'failed');
      // Once the dialog is gone, which gives the focus back to where it came from.
      setTimeout(() => document.getElementById(idOf(first))?.focus());
    }
  };
  return (
    <section class="change-bar" aria-label="Changes that are not sent yet">
      <span role="status">
        <strong>{plural(changes.size, 'change')}</strong>
        {unfinished !== undefined && <> – {unfinished} is not finished</>}
      </span>
      <Button
        onClick={() => {
          drafts.clear();
          onErrors(new Map());
        }}
      >
        Discard
      </Button>
      <Button look="primary" isDisabled={unfinished !== undefined} onClick={() => setIsReviewing(true)}>
        Update …
      </Button>
      {isReviewing && (
        <Confirm
          title="Update the settings?"
          action="Update"
          look="primary"
          onConfirm={apply}
          onClose={() => setIsReviewing(false)}
        >
          <Differences settings={settings.settings} changes={changes} />
        </Confirm>
      )}
    </section>
  );
}

function sentenceFor({ changed, needsRestart }: AppliedBody): string {
  const waiting = needsRestart.length > 0 ? ` After a restart: ${needsRestart.join(', ')}.` : '';
  return `${changed.length > 0 ? `In force: ${changed.join(', ')}.` : 'Written to the file.'}${waiting}`;
}

interface DifferencesProps {
  readonly settings: readonly SettingView[];
  readonly changes: ReadonlyMap<string, unknown>;
}

function Differences({ settings, changes }: DifferencesProps): JSX.Element {
  const changed = settings.filter(({ path }) => changes.has(path));
  return (
    <ul class="differences">
      {changed.map((setting) => {
        const value = changes.get(setting.path);
        return (
          <li key={setting.path}>
            <strong>{setting.path}</strong>{' '}
            {setting.needsRestart ? (
              <Badge tone="warn">after a restart</Badge>
            ) : (
              <Badge tone="good">at once</Badge>
            )}
            <del>{shown(setting.current, setting)}</del>
            <ins>
              {value === null ? `${shown(setting.default, setting)} (the default)` : shown(value, setting)}
            </ins>
          </li>
        );
      })}
    </ul>
  );
}

/** Lists of entries over several lines. */
function shown(value: unknown, { value: kind }: SettingView): string {
  const isLong = Array.isArray(value) && value.some((part) => typeof part === 'object');
  return isLong ? value.map((part) => JSON.stringify(part)).join('\n') : showValue(value, kind);
}
