/** What a client may publish and subscribe to. */
import type { JSX } from 'preact';
import type { PermissionsView } from '../../../control/client-view.ts';

/** See the head of the file. */
export function PermissionLists({
  permissions,
}: {
  readonly permissions: PermissionsView | null;
}): JSX.Element {
  if (permissions === null) return <p class="hint">Everything, as far as the broker allows it.</p>;
  return (
    <div class="permissions">
      <Rules title="Publish" rules={permissions.publish} />
      <Rules title="Subscribe" rules={permissions.subscribe} />
    </div>
  );
}

interface RulesProps {
  readonly title: string;
  readonly rules: PermissionsView['publish'];
}

function Rules({ title, rules }: RulesProps): JSX.Element {
  return (
    <div>
      <h4>{title}</h4>
      <ul>
        {rules.allow.length === 0 && <li>everything{rules.deny.length > 0 && ' but'}</li>}
        {rules.allow.map((subject) => (
          <li key={`allow ${subject}`}>
            <code>{subject}</code>
          </li>
        ))}
        {rules.deny.map((subject) => (
          <li key={`deny ${subject}`} class="denied">
            <span class="hidden">not </span>
            <code>{subject}</code>
          </li>
        ))}
      </ul>
    </div>
  );
}
