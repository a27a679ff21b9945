/**
 * Who decides whether one more client may be served when several processes share a limit. Types only.
 */
import type { PeerInfo } from '../session/ports.ts';

/** What an admission needs to know of a client. */
export type Applicant = Pick<PeerInfo, 'cid' | 'listener'>;

/** Keeps the connection limits of all processes of one gateway together. */
export interface Admission {
  /**
   * Asks for a client that has connected; nothing is read from it until then.
   * @param decide called once, later; not at all when the client leaves before
   */
  ask(client: Applicant, decide: (isAdmitted: boolean) => void): void;
  /** The client is gone, whether it was admitted or not. */
  leave(client: Applicant): void;
}
