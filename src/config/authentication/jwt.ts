/** Settings of the method `jwt`. */
import { unknownVariable } from '../../auth/credential-template.ts';
import { boolean, choice, duration, type Format, FormatError, fromJson, listOf } from '../formats.ts';
import { key } from '../key.ts';
import { isRecord } from '../key-path.ts';
import * as names from '../name-formats.ts';
import { documentUrl } from './document-url.ts';

const ALGORITHMS = [
  'HS256',
  'HS384',
  'HS512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

const requiredClaims: Format<Readonly<Record<string, string>>> = {
  kind: 'claims',
  short: 'an object of texts, may hold variables',
  allowed: 'an object of claims and their values, such as { "sub": "${connect.user}" }',
  fromText: fromJson,
  parse(value) {
    if (!isRecord(value)) throw new FormatError();
    for (const template of Object.values(value)) {
      if (typeof template !== 'string' || template === '') throw new FormatError();
      const unknown = unknownVariable(template);
      if (unknown !== null) throw new FormatError(`has \${${unknown}}, which does not exist`);
    }
    return value as Readonly<Record<string, string>>;
  },
};

/** See the head of the file. */
export const JWT_KEYS = {
  from: key(
    'Fields of CONNECT that may hold the token; the first that does counts.',
    listOf(choice('jwt', 'auth_token', 'pass'), '"jwt", "auth_token" and "pass"'),
    ['jwt', 'auth_token', 'pass'],
  ),
  secret: key('Secret of the HS algorithms.', names.oneLine, '', true),
  secret_file: key('File that holds `secret`.', names.oneLine, ''),
  secret_base64: key('Whether `secret` is written in base64.', boolean, false),
  public_key_file: key('File with a public key or a certificate (PEM).', names.oneLine, ''),
  jwks: {
    url: key('Where a set of public keys (JWKS) is fetched.', documentUrl, ''),
    ca_file: key("Certificates that sign the key server's; left out: those of Node.js.", names.oneLine, ''),
    refresh: key(
      'Age at which the keys are fetched again; they stay in use while their server is away.',
      duration({ min: '1s', max: '24h' }),
      '10m',
    ),
    cooldown: key(
      'Least time between two fetches, also when tokens name keys that are unknown.',
      duration({ min: '100ms', max: '1h' }),
      '30s',
    ),
    timeout: key('How long the key server may take to answer.', duration({ min: '10ms', max: '60s' }), '1s'),
  },
  algorithms: key(
    'Fewer algorithms than those that go with the kind of key; empty: all of these.',
    listOf(choice(...ALGORITHMS), ALGORITHMS.join(' ')),
    [],
  ),
  issuer: key(
    'What `iss` must be; tokens of others are left to the next method. Empty: anything.',
    names.oneLine,
    '',
  ),
  audience: key('What `aud` must have one of; empty: anything.', listOf(names.oneLine, 'audiences'), []),
  clock_tolerance: key(
    'How far the clock of the issuer may be off.',
    duration({ min: '0s', max: '10m' }),
    '0s',
  ),
  require_exp: key('Whether tokens without `exp` are refused.', boolean, false),
  required_claims: key(
    'Values that claims must have, for instance `{ "sub": "${connect.user}" }`; `a.b` is `b` inside `a`.',
    requiredClaims,
    {},
  ),
  name_claim: key('Claim that names the client, for logs and `${identity.name}`.', names.identifier, 'sub'),
  acl_claim: key("Claim with an access list of topics in EMQX's form.", names.identifier, 'acl'),
} as const;
