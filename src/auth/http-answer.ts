/** What the backend of the method `http` answers, in EMQX's format. Pure. */
import { aclForUser, permissionsOfAcl, type SubjectsOfFilter } from './acl.ts';
import type { Verdict } from './authenticator.ts';
import { plainIdentity } from './identity.ts';
import { parsePermissions } from './permission-format.ts';
import type { Permissions } from './permissions.ts';

/** An answer that is none. The message quotes nothing of it. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
}

/** One HTTP answer, read to its end. */
export interface HttpAnswer {
  readonly status: number;
  /** Without parameters, in lower case. */
  readonly contentType: string;
  readonly body: string;
}

/** Who has been asked about. */
export interface AskedClient {
  /** Of a client that is accepted without a name of its own. */
  readonly name: string;
  /** `user` of CONNECT, which `${username}` of an access list stands for. */
  readonly user: string;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * 204 accepts; 200 says more. 4xx is a backend's way to refuse, anything else a failure.
 * @throws {AnswerError} or another error when the answer means nothing
 */
export function verdictOfAnswer(
  answer: HttpAnswer,
  client: AskedClient,
  subjectsOf: SubjectsOfFilter,
): Verdict {
  const { status } = answer;
  if (status === 204) return { kind: 'accept', identity: plainIdentity('http', client.name) };
  if (status === 401 || status === 403) return { kind: 'reject', detail: `the backend answered ${status}` };
  if (status !== 200) throw new AnswerError(`the backend answered ${status}`);
  const fields = fieldsOf(answer);
  switch (fields.result) {
    case 'allow':
      return acceptOf(fields, client, subjectsOf);
    case 'deny':
      return { kind: 'reject', detail: 'the backend denied' };
    case 'ignore':
      return { kind: 'skip' };
    default:
      throw new AnswerError('the answer has no result that is allow, deny or ignore');
  }
}

function fieldsOf({ contentType, body }: HttpAnswer): Fields {
  if (contentType === 'application/x-www-form-urlencoded')
    return Object.fromEntries(new URLSearchParams(body));
  if (contentType !== 'application/json')
    throw new AnswerError('the answer is neither application/json nor application/x-www-form-urlencoded');
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    // The error of JSON.parse quotes the text.
    throw new AnswerError('the answer is not valid JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new AnswerError('the answer is not a JSON object');
  return value as Fields;
}

function acceptOf(fields: Fields, client: AskedClient, subjectsOf: SubjectsOfFilter): Verdict {
  const identity = plainIdentity('http', client.name);
  const mountpoint = optionalText(fields, 'mountpoint');
  return {
    kind: 'accept',
    identity: {
      ...identity,
      isSuperuser: [true, 'true', 1, '1'].some((yes) => yes === fields.is_superuser),
      expiresAtMs: expiryOf(fields.expire_at),
      permissions: permissionsOf(fields, client.user, subjectsOf),
      clientId: optionalText(fields, 'clientid_override'),
      mountpoint,
      attributes: attributesOf(fields.client_attrs),
    },
  };
}

/** Seconds since 1970. */
function expiryOf(value: unknown): number | null {
  if (value === undefined || value === null) return null;
  const seconds = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) throw new AnswerError('expire_at is no time');
  return seconds * 1000;
}

function permissionsOf(fields: Fields, user: string, subjectsOf: SubjectsOfFilter): Permissions | null {
  const { acl, permissions } = fields;
  if (acl !== undefined && permissions !== undefined)
    throw new AnswerError('the answer has both acl and permissions');
  if (acl !== undefined && acl !== null) return permissionsOfAcl(aclForUser(acl, user), subjectsOf);
  return permissions === undefined || permissions === null ? null : parsePermissions(permissions);
}

function attributesOf(value: unknown): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new AnswerError('client_attrs is no object');
  for (const attribute of Object.values(value)) {
    if (typeof attribute !== 'string') throw new AnswerError('client_attrs holds something else than texts');
  }
  return value as Readonly<Record<string, string>>;
}

function optionalText(fields: Fields, name: string): string | null {
  const value = fields[name] ?? '';
  if (typeof value !== 'string') throw new AnswerError(`${name} is no text`);
  return value === '' ? null : value;
}
