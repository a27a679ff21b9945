/** Schemas of settings, authentication and users. */
import type {
  AppliedBody,
  AuthenticationBody,
  ImportedBody,
  ImportRequest,
  SettingField,
  SettingsBody,
  SettingsChange,
  SettingView,
  TestBody,
  TestRequest,
  UsersBody,
  UserValues,
  UserView,
} from '../../api-types.ts';
import {
  anything,
  count,
  counts,
  described,
  flag,
  list,
  number,
  object,
  orNull,
  record,
  text,
  word,
} from './schema.ts';

const revision = described(text, 'Changes whenever the file does');

const settingKind = {
  type: 'object',
  required: ['kind'],
  description: 'How the value is written; further properties depend on `kind`',
  properties: {
    kind: word(
      ...['text', 'secret', 'duration', 'size', 'address', 'template', 'url', 'file', 'integer', 'boolean'],
      ...['choice', 'list', 'entries', 'variants', 'json'],
    ),
  },
};

const fieldProperties = {
  path: text,
  doc: text,
  expects: text,
  value: settingKind,
  default: anything,
  isOptional: flag,
};

const settingField = object<SettingField>(fieldProperties);

export const settingsBody = object<SettingsBody>({
  file: object<SettingsBody['file']>({ path: text, isThere: flag, isWritable: flag }),
  revision,
  settings: list(
    object<SettingView>({
      ...fieldProperties,
      current: anything,
      source: word('default', 'file', 'environment', 'flag'),
      origin: text,
      isLocked: flag,
      needsRestart: flag,
      isPending: flag,
    }),
  ),
});

export const settingsChange = object<SettingsChange>(
  {
    revision: described(text, 'Of the file that the change was made for; another one is refused'),
    changes: described(
      { type: 'object', additionalProperties: true, minProperties: 1 },
      'New values by dotted path, such as `max_payload` or `listeners[0].bind`; null goes back to the default',
    ),
  },
  ['revision'],
);

export const appliedBody = object<AppliedBody>({
  changed: list(text),
  needsRestart: list(text),
  revision,
});

export const methodValues = {
  type: 'object',
  required: ['method'],
  additionalProperties: true,
  properties: { method: text },
  description:
    'One entry of `authentication`, as in the configuration; a secret of `********` stays as it is',
};

export const authenticationBody = object<AuthenticationBody>({
  revision,
  isLocked: flag,
  methods: list(
    object<AuthenticationBody['methods'][number]>({
      position: count,
      method: text,
      isEnabled: flag,
      values: methodValues,
      answers: counts,
    }),
  ),
  fields: { type: 'object', additionalProperties: list(settingField) },
});

export const orderBody = object<{ order: readonly number[] }>({
  order: described(list(count), 'Old positions in the new order'),
});

export const testRequest = object<TestRequest>(
  {
    method: methodValues,
    position: count,
    credentials: object<TestRequest['credentials']>({ user: text, pass: text, auth_token: text, jwt: text }, [
      'user',
      'pass',
      'auth_token',
      'jwt',
    ]),
  },
  ['method', 'position'],
);

export const testBody = object<TestBody>({
  verdict: word('accept', 'reject', 'skip', 'failed'),
  detail: text,
  durationMs: number,
  identity: orNull(
    object<NonNullable<TestBody['identity']>>({
      name: text,
      isSuperuser: flag,
      attributes: { type: 'object', additionalProperties: text },
      permissions: anything,
      expiresMs: orNull(number),
    }),
  ),
});

export const usersBody = object<UsersBody>({
  file: orNull(text),
  total: count,
  users: list(
    object<UserView>({
      user: text,
      isSuperuser: flag,
      permissions: anything,
      source: word('file', 'config'),
    }),
  ),
});

export const userValues = object<UserValues>(
  {
    user: { type: 'string', minLength: 1, maxLength: 512 },
    password: { type: 'string', minLength: 1, maxLength: 1024 },
    is_superuser: flag,
    permissions: anything,
  },
  ['password', 'is_superuser', 'permissions'],
);

export const importRequest = object<ImportRequest>(
  { format: word('json', 'csv'), content: text, replace: flag, algorithm: record },
  ['replace', 'algorithm'],
);

export const importedBody = object<ImportedBody>({
  added: count,
  changed: count,
  skipped: list(object<ImportedBody['skipped'][number]>({ line: count, reason: text })),
});
