/** The identity of a gateway in INFO. Knows nothing of sessions. */
import { randomBytes } from 'node:crypto';

/** A fresh `server_id`, in the form that nats-server uses. */
export function createServerId(): string {
  return `N${randomBytes(40).toString('hex').toUpperCase().slice(0, 55)}`;
}
