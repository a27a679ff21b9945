/** Settings of the method `http`. */
import { CREDENTIAL_VARIABLES, unknownVariable } from '../../auth/credential-template.ts';
import { boolean, choice, type Format, FormatError, fromJson, integer, listWords } from '../formats.ts';
import { key } from '../key.ts';
import { isRecord } from '../key-path.ts';
import * as names from '../name-formats.ts';

/** Throws for a variable that does not exist. */
function checkTemplate(template: string): void {
  const unknown = unknownVariable(template);
  if (unknown === null) return;
  throw new FormatError(
    `has \${${unknown}}, but there is only ${listWords(CREDENTIAL_VARIABLES.map((name) => `\${${name}}`))}`,
  );
}

/** An origin that no variable can change, so that no client chooses who is asked. */
const ORIGIN = /^https?:\/\/(?:\[[0-9a-f:.]+\]|[^/?#@:[\]\s$]+)(?::\d{1,5})?(?=[/?]|$)/i;

const url: Format<string> = {
  kind: 'url',
  short: 'http:// or https:// URL, may hold variables',
  allowed:
    'a URL such as https://HOST/auth, with variables in path and query only and without user name and password',
  fromText: (value) => value,
  parse(value) {
    if (typeof value !== 'string' || !ORIGIN.test(value) || !URL.canParse(value) || /[#\s]/.test(value))
      throw new FormatError();
    checkTemplate(value);
    return value;
  },
};

/** Names with templates. */
function templates(
  allowed: string,
  isName: (name: string) => boolean,
): Format<Readonly<Record<string, string>>> {
  return {
    kind: 'templates',
    short: 'an object of texts, may hold variables',
    allowed,
    fromText: fromJson,
    parse(value) {
      if (!isRecord(value)) throw new FormatError();
      for (const [name, text] of Object.entries(value)) {
        if (!isName(name) || typeof text !== 'string' || /[\r\n\0]/.test(text)) throw new FormatError();
        checkTemplate(text);
      }
      return value as Readonly<Record<string, string>>;
    },
  };
}

/** See the head of the file. */
export const HTTP_KEYS = {
  verb: key('How the backend is asked.', choice('get', 'post'), 'post'),
  url: key('Where it is asked.', url, undefined),
  headers: key(
    'Headers of the request, for instance `{ "authorization": "Bearer …" }`.',
    templates('an object of header names and texts', (name) => /^[\w-]+$/.test(name)),
    {},
    true,
  ),
  body: key(
    'Fields of the request: in the body for `post`, in the query for `get`.',
    templates('an object of names and texts', () => true),
    { username: '${connect.user}', password: '${connect.pass}' },
  ),
  content_type: key(
    'How `post` writes the fields.',
    choice('application/json', 'application/x-www-form-urlencoded'),
    'application/json',
  ),
  pool_size: key('Connections to the backend.', integer(1, 1000), 8),
  tls: {
    ca_file: key("Certificates that sign the backend's; left out: those of Node.js.", names.oneLine, ''),
    cert_file: key('Certificate to show to the backend.', names.oneLine, ''),
    key_file: key('Its key.', names.oneLine, ''),
    server_name: key(
      "Name in the backend's certificate, where it is not that of the URL.",
      names.oneLine,
      '',
    ),
    verify: key('`false` talks to anybody who answers: for trials only.', boolean, true),
  },
} as const;
