/** The users of `built_in`. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { UsersBody, UserView } from '../../../admin/api-types.ts';
import { Badge } from '../../parts/badge.tsx';
import { Button } from '../../parts/button.tsx';
import { Confirm } from '../../parts/dialog.tsx';
import { Empty, Notice, Pending } from '../../parts/notice.tsx';
import { Panel, TableFrame } from '../../parts/page.tsx';
import { Pager } from '../../parts/pager.tsx';
import { usePolled } from '../../state/polled.ts';
import { linkTo } from '../../state/route.ts';
import { useServices } from '../../state/services.ts';
import { ImportUsers } from './import-users.tsx';
import { UserForm } from './user-form.tsx';

const LIMIT = 50;
const INTERVAL_MS = 10_000;

/** What the user is doing. */
type Doing =
  | { readonly what: 'add' | 'import' }
  | { readonly what: 'change' | 'delete'; readonly user: UserView }
  | null;

/** See the head of the file. */
export function UsersView(): JSX.Element {
  const { api } = useServices();
  const [search, setSearch] = useState('');
  const [offset, setOffset] = useState(0);
  const [doing, setDoing] = useState<Doing>(null);
  const { data, error, refresh } = usePolled(
    `${search} ${offset}`,
    () => api.users({ search, offset, limit: LIMIT }),
    INTERVAL_MS,
  );
  const close = (): void => setDoing(null);
  if (data === null) return <Pending error={error} onRetry={refresh} />;
  return (
    <Panel title="Users of built_in" actions={data.file !== null && <Actions onDo={setDoing} />}>
      {data.file === null ? (
        <NoFile />
      ) : (
        <p class="hint">
          Kept in <code>{data.file}</code>. Changes take effect at once.
        </p>
      )}
      <label class="filter">
        Search
        <input
          type="search"
          value={search}
          onInput={(event) => {
            setSearch(event.currentTarget.value);
            setOffset(0);
          }}
        />
      </label>
      <UserTable body={data} search={search} onDo={setDoing} />
      {data.total > LIMIT && (
        <Pager offset={offset} limit={LIMIT} total={data.total} noun="users" onChange={setOffset} />
      )}
      {doing?.what === 'add' && <UserForm user={null} onClose={close} onSaved={refresh} />}
      {doing?.what === 'import' && <ImportUsers onClose={close} onImported={refresh} />}
      {doing?.what === 'change' && <UserForm user={doing.user} onClose={close} onSaved={refresh} />}
      {doing?.what === 'delete' && <DeleteUser user={doing.user} onClose={close} onDeleted={refresh} />}
    </Panel>
  );
}

function Actions({ onDo }: { readonly onDo: (doing: Doing) => void }): JSX.Element {
  return (
    <div class="panel-actions">
      <Button onClick={() => onDo({ what: 'import' })}>Import …</Button>
      <Button look="primary" icon="plus" onClick={() => onDo({ what: 'add' })}>
        Add a user
      </Button>
    </div>
  );
}

function NoFile(): JSX.Element {
  return (
    <Notice kind="info">
      Users can be changed here once there is a file for them:{' '}
      <a href={linkTo(['authentication', 'add', 'built_in'])}>add the method built_in</a>, which has one.
    </Notice>
  );
}

interface UserTableProps {
  readonly body: UsersBody;
  readonly search: string;
  readonly onDo: (doing: Doing) => void;
}

function UserTable({ body, search, onDo }: UserTableProps): JSX.Element | null {
  if (body.users.length === 0) {
    if (search !== '') return <Empty title="No user matches" />;
    return body.file === null ? null : (
      <Empty title="There are no users yet">
        <p>Add one, or import those of EMQX’s built-in database (JSON or CSV).</p>
      </Empty>
    );
  }
  return (
    <TableFrame label="Users">
      <thead>
        <tr>
          <th scope="col">User</th>
          <th scope="col" class="not-on-phones">
            Rights
          </th>
          <th scope="col" class="right">
            <span class="hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {body.users.map((user) => (
          <UserRow
            key={user.user}
            user={user}
            canChange={body.file !== null && user.source === 'file'}
            onDo={onDo}
          />
        ))}
      </tbody>
    </TableFrame>
  );
}

interface UserRowProps {
  readonly user: UserView;
  readonly canChange: boolean;
  readonly onDo: (doing: Doing) => void;
}

function UserRow({ user, canChange, onDo }: UserRowProps): JSX.Element {
  return (
    <tr>
      <th scope="row">
        <a href={linkTo(['clients'], { user: user.user, state: 'any' })}>{user.user}</a>{' '}
        {user.isSuperuser && <Badge tone="accent">superuser</Badge>}
      </th>
      <td class="wrap not-on-phones">
        {user.permissions === null || user.permissions === undefined ? (
          <span class="muted">{user.isSuperuser ? 'everything' : 'as default_permissions say'}</span>
        ) : (
          <code>{JSON.stringify(user.permissions)}</code>
        )}
      </td>
      <td class="right nowrap">
        {canChange ? (
          <>
            <Button look="quiet" onClick={() => onDo({ what: 'change', user })}>
              Change<span class="hidden"> {user.user}</span>
            </Button>
            <Button look="quiet" onClick={() => onDo({ what: 'delete', user })}>
              Delete<span class="hidden"> {user.user}</span>
            </Button>
          </>
        ) : (
          <span class="muted">in the configuration</span>
        )}
      </td>
    </tr>
  );
}

interface DeleteUserProps {
  readonly user: UserView;
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

function DeleteUser({ user, onClose, onDeleted }: DeleteUserProps): JSX.Element {
  const { api, announce } = useServices();
  const remove = async (): Promise<void> => {
    await api.deleteUser(user.user);
    announce(`${user.user} was deleted`);
    onDeleted();
  };
  return (
    <Confirm title={`Delete ${user.user}?`} action="Delete" onConfirm={remove} onClose={onClose}>
      <p>Connections of this user are ended, and it cannot connect again.</p>
    </Confirm>
  );
}
