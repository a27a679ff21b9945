/**
 * What the admin API (`/api/v1`) takes and gives, beyond the views of `control/`. Types of plain data only: shared with the
 * dashboard, which is built from them. The JSON schemas of the routes say the same; a test holds the two together.
 *
 * | Method and path | Takes | Gives |
 * |---|---|---|
 * | `GET /status` | | {@link StatusBody} |
 * | `GET /clients` | {@link ClientsQuery} (query string) | {@link ClientsBody} |
 * | `GET /clients/:cid` | | `ClientDetail` |
 * | `DELETE /clients/:cid` | | {@link KickedBody} |
 * | `POST /clients/kick` | `{ user }` | {@link KickedBody} |
 * | `GET /listeners` `/upstream` `/certificates` | | {@link ItemsBody} of the views in `control/gateway-control.ts` |
 * | `GET /settings` | | {@link SettingsBody} |
 * | `PATCH /settings` | {@link SettingsChange} | {@link AppliedBody} |
 * | `GET /authentication` | | {@link AuthenticationBody} |
 * | `POST /authentication` | {@link MethodValues} | {@link AppliedBody} |
 * | `PUT /authentication/:position` | {@link MethodValues} | {@link AppliedBody} |
 * | `DELETE /authentication/:position` | | {@link AppliedBody} |
 * | `PUT /authentication/order` | `{ order: number[] }`, old positions in the new order | {@link AppliedBody} |
 * | `POST /authentication/test` | {@link TestRequest} | {@link TestBody} |
 * | `GET /users` | `search`, `offset`, `limit` | {@link UsersBody} |
 * | `POST /users`, `PUT /users/:user`, `DELETE /users/:user` | {@link UserValues} | {@link AppliedBody} |
 * | `POST /users/import` | {@link ImportRequest} | {@link ImportedBody} |
 * | `POST /taps` | `TapRequest` | `{ id }` |
 * | `GET /taps/:id/events` | | server-sent events, each a `TapMessage` |
 * | `DELETE /taps/:id` | | 204 |
 * | `POST /reload` | | {@link AppliedBody} |
 * | `POST /lame-duck` | | 202 |
 * | `GET /audit` | `offset`, `limit` | {@link AuditBody} |
 * | `GET /session`, `POST /session`, `DELETE /session` | {@link Credentials} for POST | {@link SessionBody} |
 * | `GET /openapi.json` | | OpenAPI 3.1 |
 *
 * Errors are RFC 9457 problems ({@link Problem}), whatever went wrong.
 */
import type { SettingField } from '../config/setting-kind.ts';
import type { ClientDetail, ClientSort } from '../control/client-view.ts';
import type { GatewayIdentity, Readiness } from '../control/gateway-control.ts';
import type { GatewayOverview } from '../metrics/gateway-view.ts';

export type { SettingField, SettingKind } from '../config/setting-kind.ts';

/** The state of everything at one moment. Rates are the difference of two of them. */
export interface StatusBody {
  readonly identity: GatewayIdentity;
  readonly readiness: Readiness;
  readonly nowMs: number;
  readonly overview: GatewayOverview;
  /** Resident memory of all processes in bytes, and processor time in percent of one core since the last look. */
  readonly memoryBytes: number;
  readonly cpuPercent: number;
  /** Times in milliseconds over the last minute; null before there was anything to measure. */
  readonly latency: {
    readonly eventLoopP50: number | null;
    readonly eventLoopP99: number | null;
    readonly publishP50: number | null;
    readonly publishP99: number | null;
  };
  /** Where an operator should look, the worst first. */
  readonly warnings: readonly string[];
}

/** Query of `GET /clients`. */
export interface ClientsQuery {
  readonly state?: 'open' | 'closed' | 'any';
  readonly search?: string;
  readonly user?: string;
  readonly listener?: string;
  readonly subject?: string;
  readonly sort?: ClientSort;
  readonly reversed?: boolean;
  readonly offset?: number;
  /** At most 1000; 50 when left out. */
  readonly limit?: number;
}

/** One page of clients. */
export interface ClientsBody {
  readonly total: number;
  readonly offset: number;
  readonly limit: number;
  readonly clients: readonly ClientDetail[];
}

/** How many connections were ended. */
export interface KickedBody {
  readonly kicked: number;
}

/** A list that has no pages. */
export interface ItemsBody<T> {
  readonly items: readonly T[];
}

/** One setting as it is in force. */
export interface SettingView extends SettingField {
  /** As it would stand in a file; secrets are `"********"`, and null where there is none. */
  readonly current: unknown;
  readonly source: 'default' | 'file' | 'environment' | 'flag';
  /** Such as `config.json:12` or `NATSMQTT_MAX_PAYLOAD`. */
  readonly origin: string;
  /** Given by environment or flag: a change of the file would have no effect. */
  readonly isLocked: boolean;
  readonly needsRestart: boolean;
  /** Differs from what the running gateway uses: it waits for a restart. */
  readonly isPending: boolean;
}

/** All settings. */
export interface SettingsBody {
  /** The configuration file; where there is none yet, the first change makes it. */
  readonly file: { readonly path: string; readonly isThere: boolean; readonly isWritable: boolean };
  /** Changes whenever the file does; a change must name the one it was made for. */
  readonly revision: string;
  readonly settings: readonly SettingView[];
}

/** New values by dotted path; null goes back to the default. */
export interface SettingsChange {
  readonly revision?: string;
  readonly changes: Readonly<Record<string, unknown>>;
}

/** What a change has come to. */
export interface AppliedBody {
  readonly changed: readonly string[];
  readonly needsRestart: readonly string[];
  readonly revision: string;
}

/** One method of authentication, as it stands in the configuration. A secret of `"********"` stays as it is. */
export type MethodValues = Readonly<Record<string, unknown>> & { readonly method: string };

/** The chain. */
export interface AuthenticationBody {
  readonly revision: string;
  readonly isLocked: boolean;
  readonly methods: readonly {
    readonly position: number;
    readonly method: string;
    readonly isEnabled: boolean;
    readonly values: MethodValues;
    /** Answers since the start by kind: `accepted`, `rejected`, `skipped`, `failed`, `timedOut`, `busy`, `cached`. */
    readonly answers: Readonly<Record<string, number>>;
  }[];
  /** Fields of a form for each method there is. */
  readonly fields: Readonly<Record<string, readonly SettingField[]>>;
}

/** What a client would show. */
export interface TestRequest {
  /** The method to try; left out: the chain in force. */
  readonly method?: MethodValues;
  /** Where `method` stands in the chain, for the secrets that it leaves as they are. */
  readonly position?: number;
  readonly credentials: {
    readonly user?: string;
    readonly pass?: string;
    readonly auth_token?: string;
    readonly jwt?: string;
  };
}

/** What became of it. */
export interface TestBody {
  readonly verdict: 'accept' | 'reject' | 'skip' | 'failed';
  /** Why, in words without secrets. */
  readonly detail: string;
  readonly durationMs: number;
  readonly identity: {
    readonly name: string;
    readonly isSuperuser: boolean;
    readonly attributes: Readonly<Record<string, string>>;
    readonly permissions: unknown;
    readonly expiresMs: number | null;
  } | null;
}

/** A user of `built_in`, without password. */
export interface UserView {
  readonly user: string;
  readonly isSuperuser: boolean;
  readonly permissions: unknown;
  /** `file`: can be changed here. `config`: stands in the configuration. */
  readonly source: 'file' | 'config';
}

/** One page of users. */
export interface UsersBody {
  /** Null: no users file is configured, and users cannot be changed. */
  readonly file: string | null;
  readonly total: number;
  readonly users: readonly UserView[];
}

/** A user to add or to change; what is left out stays. */
export interface UserValues {
  readonly user: string;
  readonly password?: string;
  readonly is_superuser?: boolean;
  readonly permissions?: unknown;
}

/** An export of EMQX's built-in database. */
export interface ImportRequest {
  readonly format: 'json' | 'csv';
  readonly content: string;
  /** Whether users that are there already are replaced; else they are skipped. */
  readonly replace?: boolean;
  /** How the hashes were made, as in a users file; left out: SHA-256, the salt behind the password. */
  readonly algorithm?: Readonly<Record<string, unknown>>;
}

/** What was imported. */
export interface ImportedBody {
  readonly added: number;
  readonly changed: number;
  readonly skipped: readonly { readonly line: number; readonly reason: string }[];
}

/** What was changed by whom. */
export interface AuditBody {
  readonly total: number;
  readonly entries: readonly {
    readonly atMs: number;
    readonly by: string;
    readonly address: string;
    readonly action: string;
    readonly target: string;
    readonly outcome: string;
  }[];
}

/** Log-in of the dashboard. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Who is logged in. */
export interface SessionBody {
  /** False: no credentials are configured, everyone on this machine may do everything. */
  readonly isRequired: boolean;
  readonly user: string | null;
  /** To be sent as `X-CSRF-Token` with everything that changes something, by who uses the cookie. */
  readonly csrfToken: string | null;
}

/** RFC 9457. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  /** Of a change that is wrong: what is wrong with which setting. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}
