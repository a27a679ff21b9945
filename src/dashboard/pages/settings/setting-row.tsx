/** One setting: control, where its value comes from, and the way back to the default. */
import type { ComponentChildren, JSX } from 'preact';
import type { SettingView } from '../../../admin/api-types.ts';
import { isSame, showValue } from '../../format/values.ts';
import { Badge } from '../../parts/badge.tsx';
import { Button } from '../../parts/button.tsx';
import { ControlOrEntries, FieldFrame } from '../../parts/fields/field.tsx';
import type { FieldErrors } from '../../parts/fields/field-props.ts';
import { Icon } from '../../parts/icons.tsx';
import { useServices } from '../../state/services.ts';

interface SettingRowProps {
  readonly setting: SettingView;
  /** There is no file, or it cannot be written. */
  readonly isReadOnly: boolean;
  readonly isChanged: boolean;
  /** As the user wants it; null: the default. */
  readonly draft: unknown;
  readonly errors: FieldErrors;
}

/** See the head of the file. */
export function SettingRow({ setting, isReadOnly, isChanged, draft, errors }: SettingRowProps): JSX.Element {
  const { drafts } = useServices();
  const value = isChanged ? (draft ?? setting.default) : setting.current;
  const isDisabled = isReadOnly || setting.isLocked;
  const change = (changed: unknown): void => {
    if (isSame(changed, setting.current)) drafts.drop(setting.path);
    else drafts.set(setting.path, changed ?? null);
  };
  const props = { field: setting, path: setting.path, value, errors, isDisabled, onChange: change };
  return (
    <div class={isChanged ? 'setting changed' : 'setting'}>
      <FieldFrame
        {...props}
        hint={<Marks setting={setting} isChanged={isChanged} />}
        footer={
          <Origin setting={setting}>{!isDisabled && <Way back={setting} isChanged={isChanged} />}</Origin>
        }
      >
        <ControlOrEntries {...props} />
      </FieldFrame>
    </div>
  );
}

function Marks({
  setting,
  isChanged,
}: {
  readonly setting: SettingView;
  readonly isChanged: boolean;
}): JSX.Element {
  return (
    <>
      {isChanged && <Badge tone="accent">changed</Badge>}
      {setting.isPending && <Badge tone="warn">waits for a restart</Badge>}
      {setting.needsRestart && <span title="A change takes effect after a restart">restart</span>}
    </>
  );
}

function Origin({
  setting,
  children,
}: {
  readonly setting: SettingView;
  readonly children: ComponentChildren;
}): JSX.Element {
  const isDefault = setting.source === 'default';
  return (
    <p class="field-origin">
      {setting.isLocked ? (
        <span class="locked">
          <Icon name="lock" />
          <span>
            Set by {setting.source === 'flag' ? 'the flag' : 'the environment variable'}{' '}
            <code>{setting.origin}</code>, which beats the file: change it there.
          </span>
        </span>
      ) : (
        <span>{isDefault ? 'Default' : <>From {setting.origin}</>}</span>
      )}
      {!isDefault && <span>Default: {showValue(setting.default, setting.value)}</span>}
      {children}
    </p>
  );
}

/** Undoes a change, or goes back to the default. */
function Way({
  back,
  isChanged,
}: {
  readonly back: SettingView;
  readonly isChanged: boolean;
}): JSX.Element | null {
  const { drafts } = useServices();
  if (isChanged)
    return (
      <Button look="quiet" onClick={() => drafts.drop(back.path)}>
        Undo<span class="hidden"> the change of {back.path}</span>
      </Button>
    );
  if (back.source === 'default') return null;
  return (
    <Button look="quiet" onClick={() => drafts.set(back.path, null)}>
      Use the default<span class="hidden"> for {back.path}</span>
    </Button>
  );
}
