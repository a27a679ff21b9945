/** The one place that speaks to `/api/v1`. Knows no page; what it gives is typed, what it throws is in errors.ts. */
import type {
  AppliedBody,
  AuditBody,
  AuthenticationBody,
  ClientsBody,
  ClientsQuery,
  Credentials,
  ImportedBody,
  ImportRequest,
  ItemsBody,
  KickedBody,
  MethodValues,
  SessionBody,
  SettingsBody,
  SettingsChange,
  StatusBody,
  TestBody,
  TestRequest,
  UsersBody,
  UserValues,
} from '../../admin/api-types.ts';
import type { ClientDetail } from '../../control/client-view.ts';
import type { CertificateView, ListenerView, UpstreamView } from '../../control/gateway-control.ts';
import type { TapRequest } from '../../control/tap.ts';
import { ApiError, errorOf, UnreachableError } from './errors.ts';

/** Relative to the page, so that it also works behind a path of a proxy. */
const BASE = 'api/v1';
const TIMEOUT_MS = 10_000;
/** Methods of authentication may ask a backend, and imports hash many passwords. */
const LONG_TIMEOUT_MS = 65_000;

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** See the head of the file. */
export class ApiClient {
  readonly #onSessionEnd: () => void;
  #csrfToken: string | null = null;

  /** @param onSessionEnd called whenever the gateway wants a log-in */
  constructor(onSessionEnd: () => void) {
    this.#onSessionEnd = onSessionEnd;
  }

  async session(): Promise<SessionBody> {
    return this.#keep(await this.#ask<SessionBody>('GET', '/session'));
  }

  /** @throws {ApiError} 401 when name or password are wrong */
  async logIn(credentials: Credentials): Promise<SessionBody> {
    return this.#keep(await this.#ask<SessionBody>('POST', '/session', credentials, { isLogIn: true }));
  }

  async logOut(): Promise<void> {
    await this.#ask('DELETE', '/session');
    this.#csrfToken = null;
  }

  status(): Promise<StatusBody> {
    return this.#ask('GET', '/status');
  }

  clients(query: ClientsQuery): Promise<ClientsBody> {
    return this.#ask('GET', `/clients${queryString({ ...query })}`);
  }

  client(cid: number): Promise<ClientDetail> {
    return this.#ask('GET', `/clients/${cid}`);
  }

  kick(cid: number): Promise<KickedBody> {
    return this.#ask('DELETE', `/clients/${cid}`);
  }

  kickUser(user: string): Promise<KickedBody> {
    return this.#ask('POST', '/clients/kick', { user });
  }

  listeners(): Promise<ItemsBody<ListenerView>> {
    return this.#ask('GET', '/listeners');
  }

  upstream(): Promise<ItemsBody<UpstreamView>> {
    return this.#ask('GET', '/upstream');
  }

  certificates(): Promise<ItemsBody<CertificateView>> {
    return this.#ask('GET', '/certificates');
  }

  settings(): Promise<SettingsBody> {
    return this.#ask('GET', '/settings');
  }

  changeSettings(change: SettingsChange): Promise<AppliedBody> {
    return this.#ask('PATCH', '/settings', change);
  }

  reload(): Promise<AppliedBody> {
    return this.#ask('POST', '/reload');
  }

  async beginLameDuck(): Promise<void> {
    await this.#ask('POST', '/lame-duck');
  }

  authentication(): Promise<AuthenticationBody> {
    return this.#ask('GET', '/authentication');
  }

  addMethod(values: MethodValues): Promise<AppliedBody> {
    return this.#ask('POST', '/authentication', values);
  }

  changeMethod(position: number, values: MethodValues): Promise<AppliedBody> {
    return this.#ask('PUT', `/authentication/${position}`, values);
  }

  deleteMethod(position: number): Promise<AppliedBody> {
    return this.#ask('DELETE', `/authentication/${position}`);
  }

  /** @param order old positions in the new order */
  orderMethods(order: readonly number[]): Promise<AppliedBody> {
    return this.#ask('PUT', '/authentication/order', { order });
  }

  testCredentials(request: TestRequest): Promise<TestBody> {
    return this.#ask('POST', '/authentication/test', request, { timeoutMs: LONG_TIMEOUT_MS });
  }

  users(query: { search: string; offset: number; limit: number }): Promise<UsersBody> {
    return this.#ask('GET', `/users${queryString(query)}`);
  }

  addUser(values: UserValues): Promise<AppliedBody> {
    return this.#ask('POST', '/users', values);
  }

  changeUser(values: UserValues): Promise<AppliedBody> {
    return this.#ask('PUT', `/users/${encodeURIComponent(values.user)}`, values);
  }

  deleteUser(user: string): Promise<AppliedBody> {
    return this.#ask('DELETE', `/users/${encodeURIComponent(user)}`);
  }

  importUsers(request: ImportRequest): Promise<ImportedBody> {
    return this.#ask('POST', '/users/import', request, { timeoutMs: LONG_TIMEOUT_MS });
  }

  startTap(request: TapRequest): Promise<{ readonly id: string }> {
    return this.#ask('POST', '/taps', request);
  }

  async stopTap(id: string): Promise<void> {
    await this.#ask('DELETE', `/taps/${encodeURIComponent(id)}`);
  }

  /** For an `EventSource`; each event is a `TapMessage`. */
  tapEventsUrl(id: string): string {
    return `${BASE}/taps/${encodeURIComponent(id)}/events`;
  }

  audit(query: { offset: number; limit: number }): Promise<AuditBody> {
    return this.#ask('GET', `/audit${queryString(query)}`);
  }

  #keep(session: SessionBody): SessionBody {
    this.#csrfToken = session.csrfToken;
    return session;
  }

  async #ask<T>(
    method: Method,
    path: string,
    body?: unknown,
    { timeoutMs = TIMEOUT_MS, isLogIn = false } = {},
  ): Promise<T> {
    const response = await this.#send(method, path, body, timeoutMs);
    if (response.ok) return response.status === 204 ? (undefined as T) : await readBody<T>(response);
    const error = await errorOf(response);
    if (response.status === 401 && !isLogIn) this.#onSessionEnd();
    throw error;
  }

  async #send(method: Method, path: string, body: unknown, timeoutMs: number): Promise<Response> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (method !== 'GET' && this.#csrfToken !== null) headers['x-csrf-token'] = this.#csrfToken;
    try {
      return await fetch(BASE + path, {
        method,
        headers,
        credentials: 'same-origin',
        cache: 'no-store',
        signal: AbortSignal.timeout(timeoutMs),
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    } catch (error) {
      throw new UnreachableError(error);
    }
  }
}

/** An answer that is cut off by a stop of the gateway is no answer. */
async function readBody<T>(response: Response): Promise<T> {
  const text = await response.text().catch((error: unknown) => {
    throw new UnreachableError(error);
  });
  if (text === '') return undefined as T;
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new ApiError({
      type: 'about:blank',
      title: 'The answer is not one of this gateway',
      status: response.status,
    });
  }
}

function queryString(query: Query): string {
  const given = Object.entries(query).filter(
    ([, value]) => value !== undefined && value !== '' && value !== false,
  );
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? '' : `?${text}`;
}
