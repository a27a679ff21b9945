/** What the methods of authentication are for, in one sentence each. */

/** By name of the method. */
export const METHOD_WORDS: Readonly<Record<string, string>> = {
  built_in: 'Users and passwords kept by the gateway itself, in the configuration or in a file of users.',
  http: 'Your own service is asked about each client.',
  mysql: 'Users in a MySQL or MariaDB table.',
  postgresql: 'Users in a PostgreSQL table.',
  redis: 'Users in Redis hashes.',
  jwt: 'Signed tokens (JSON Web Tokens), checked with a secret, a public key or a JWKS address.',
  token: 'Fixed tokens, as NATS clients send in auth_token.',
  nkey: 'NATS key pairs: the client signs, no secret crosses the network.',
  nats_jwt: 'NATS operator mode: accounts and users of nsc.',
  tls_certificate: "The client's certificate says who it is.",
};

/** Settings of a method that tell one from another at a glance, best first. */
export const TELLING: readonly string[] = [
  'url',
  'host',
  'server',
  'servers',
  'users_file',
  'jwks.url',
  'jwks_url',
  'algorithm',
  'use_jwks',
  'query',
  'command',
];
