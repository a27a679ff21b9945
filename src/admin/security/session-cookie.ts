/** The cookie by which the dashboard is recognised. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Accounts } from './accounts.ts';
import type { Session, Sessions } from './sessions.ts';

/** Longer ones are none of ours. */
const MAX_ID_LENGTH = 64;

/** See the head of this file. */
export class SessionCookie {
  readonly #sessions: Sessions;
  readonly #accounts: Accounts;
  readonly #name: string;
  readonly #attributes: string;

  /** @param isSecure the server speaks TLS: browsers must then send the cookie over nothing else */
  constructor(sessions: Sessions, accounts: Accounts, isSecure: boolean) {
    this.#sessions = sessions;
    this.#accounts = accounts;
    this.#name = isSecure ? '__Host-nmg_session' : 'nmg_session';
    this.#attributes = `Path=/; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;
  }

  /** The session of a request; null when there is none (any more). */
  read(request: FastifyRequest): Session | null {
    const id = this.#idOf(request);
    if (id === null) return null;
    return this.#sessions.use(id, (user, secret) => this.#accounts.isConfigured(user, secret));
  }

  /** Begins a session. */
  give(reply: FastifyReply, user: string, secret: string): Session {
    const { id, session } = this.#sessions.begin(user, secret);
    reply.header('set-cookie', `${this.#name}=${id}; ${this.#attributes}`);
    return session;
  }

  /** Ends the session of a request, if it has one. */
  take(request: FastifyRequest, reply: FastifyReply): void {
    const id = this.#idOf(request);
    if (id !== null) this.#sessions.end(id);
    reply.header('set-cookie', `${this.#name}=; ${this.#attributes}; Max-Age=0`);
  }

  #idOf(request: FastifyRequest): string | null {
    for (const part of (request.headers.cookie ?? '').split(';')) {
      const [name, value = ''] = part.trim().split('=', 2);
      if (name === this.#name && value !== '' && value.length <= MAX_ID_LENGTH) return value;
    }
    return null;
  }
}
