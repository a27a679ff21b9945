/** Ends connections, after a question. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { ClientView } from '../../../control/client-view.ts';
import { plural } from '../../format/numbers.ts';
import { Confirm } from '../../parts/dialog.tsx';
import { useServices } from '../../state/services.ts';

interface KickProps {
  readonly onClose: () => void;
  readonly onKicked: () => void;
}

/** One client. */
export function KickClient({
  client,
  onClose,
  onKicked,
}: KickProps & { readonly client: ClientView }): JSX.Element {
  const { api, announce } = useServices();
  const kick = async (): Promise<void> => {
    const { kicked } = await api.kick(client.cid);
    announce(kicked > 0 ? `Client #${client.cid} was ended` : `Client #${client.cid} was gone already`);
    onKicked();
  };
  return (
    <Confirm title="Kick this client?" action="Kick" onConfirm={kick} onClose={onClose}>
      <p>
        The connection of <strong>{client.name || client.user || `#${client.cid}`}</strong> from{' '}
        {client.address} is ended. Most NATS clients connect again by themselves; whoever must stay out needs
        other permissions or credentials.
      </p>
    </Confirm>
  );
}

/** All clients of a user. */
export function KickUser({ user, onClose, onKicked }: KickProps & { readonly user: string }): JSX.Element {
  const { api, announce } = useServices();
  const [name, setName] = useState(user);
  const kick = async (): Promise<void> => {
    if (name.trim() === '') throw new Error('Which user?');
    const { kicked } = await api.kickUser(name.trim());
    announce(`${plural(kicked, 'connection')} of ${name.trim()} ended`);
    onKicked();
  };
  return (
    <Confirm title="Kick all clients of a user?" action="Kick all" onConfirm={kick} onClose={onClose}>
      <label class="field">
        User
        <input value={name} autocapitalize="off" onInput={(event) => setName(event.currentTarget.value)} />
      </label>
      <p>All connections of this user are ended. Most NATS clients connect again by themselves.</p>
    </Confirm>
  );
}
