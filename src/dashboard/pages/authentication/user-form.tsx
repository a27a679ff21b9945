/** Adds a user, or changes one: password, superuser, permissions. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { UserValues, UserView } from '../../../admin/api-types.ts';
import { ApiError, messageOf } from '../../api/errors.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Notice } from '../../parts/notice.tsx';
import { useServices } from '../../state/services.ts';

interface UserFormProps {
  /** Null: a new one. */
  readonly user: UserView | null;
  readonly onClose: () => void;
  readonly onSaved: () => void;
}

/** What stands in the form. */
interface Entered {
  readonly name: string;
  readonly password: string;
  readonly isSuperuser: boolean;
  readonly permissions: string;
}

const EXAMPLE = '{ "publish": ["site.a.>"], "subscribe": { "allow": ["site.>"], "deny": ["site.b.>"] } }';

/** See the head of the file. */
export function UserForm({ user, onClose, onSaved }: UserFormProps): JSX.Element {
  const { api, announce } = useServices();
  const [entered, setEntered] = useState<Entered>({
    name: user?.user ?? '',
    password: '',
    isSuperuser: user?.isSuperuser ?? false,
    permissions: user?.permissions ? JSON.stringify(user.permissions, null, 2) : '',
  });
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const save = async (): Promise<void> => {
    setIsBusy(true);
    setError(null);
    try {
      const values = valuesOf(entered, user);
      await (user === null ? api.addUser(values) : api.changeUser(values));
      announce(user === null ? `${values.user} was added` : `${values.user} was changed`);
      onSaved();
      onClose();
    } catch (failure) {
      setError(sentenceFor(failure));
      setIsBusy(false);
    }
  };
  return (
    <Dialog title={user === null ? 'Add a user' : `Change ${user.user}`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Inputs
          entered={entered}
          isNew={user === null}
          onChange={(part) => setEntered({ ...entered, ...part })}
        />
        {error !== null && <Notice kind="error">{error}</Notice>}
        <div class="dialog-buttons">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" isBusy={isBusy}>
            {user === null ? 'Add' : 'Save'}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface InputsProps {
  readonly entered: Entered;
  readonly isNew: boolean;
  readonly onChange: (part: Partial<Entered>) => void;
}

function Inputs({ entered, isNew, onChange }: InputsProps): JSX.Element {
  return (
    <>
      {isNew && (
        <label class="field">
          User
          <input
            value={entered.name}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            required
            onInput={(event) => onChange({ name: event.currentTarget.value })}
          />
        </label>
      )}
      <label class="field">
        {isNew ? 'Password' : 'New password'}
        <input
          type="password"
          autocomplete="new-password"
          value={entered.password}
          placeholder={isNew ? '' : 'stays as it is'}
          required={isNew}
          onInput={(event) => onChange({ password: event.currentTarget.value })}
        />
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={entered.isSuperuser}
          onChange={(event) => onChange({ isSuperuser: event.currentTarget.checked })}
        />
        Superuser: may publish and subscribe to everything
      </label>
      <label class="field">
        Permissions
        <textarea
          class="code"
          rows={4}
          value={entered.permissions}
          placeholder={EXAMPLE}
          spellcheck={false}
          onInput={(event) => onChange({ permissions: event.currentTarget.value })}
        />
        <small>As in nats-server, in JSON. Empty: as default_permissions say.</small>
      </label>
    </>
  );
}

/** @throws {Error} for permissions that are no JSON */
function valuesOf(entered: Entered, user: UserView | null): UserValues {
  return {
    user: user?.user ?? entered.name,
    ...(entered.password !== '' && { password: entered.password }),
    is_superuser: entered.isSuperuser,
    ...permissionsOf(entered.permissions, user),
  };
}

function permissionsOf(text: string, user: UserView | null): { permissions?: unknown } {
  if (text.trim() === '') return user === null ? {} : { permissions: null };
  try {
    return { permissions: JSON.parse(text) as unknown };
  } catch {
    throw new Error(`The permissions are no JSON. An example: ${EXAMPLE}`);
  }
}

function sentenceFor(failure: unknown): string {
  const details = failure instanceof ApiError ? [...failure.fieldErrors.values()] : [];
  return details.length > 0 ? details.join('; ') : messageOf(failure);
}
