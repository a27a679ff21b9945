/**
 * Name to factory: the only list of authentication methods in the program. A method's code, and with it the driver of its
 * backend, is loaded when the method is configured.
 */
import type { MethodConfig, MethodName, SettingsOf } from '../config/authentication/methods.ts';
import type { Authenticator } from './authenticator.ts';
import type { ChainLink } from './chain.ts';
import { hashAlgorithm } from './hash-settings.ts';
import type { AuthServices } from './services.ts';

type Factory<Name extends MethodName> = (
  settings: SettingsOf<Name>,
  services: AuthServices,
) => Promise<Authenticator>;

const FACTORIES: { readonly [Name in MethodName]: Factory<Name> } = {
  built_in: async (settings, services) => {
    const { createBuiltInAuthenticator } = await import('./authenticators/built-in.ts');
    const { users, users_file: usersFile, password_hash_algorithm: algorithm } = settings;
    return createBuiltInAuthenticator({ users, usersFile, algorithm: hashAlgorithm(algorithm) }, services);
  },
  http: async (settings, services) => {
    const { createHttpAuthenticator } = await import('./authenticators/http.ts');
    const { verb, url, headers, body, tls } = settings;
    return createHttpAuthenticator(
      {
        verb,
        url,
        headers,
        body,
        contentType: settings.content_type,
        poolSize: settings.pool_size,
        tls: {
          caFile: tls.ca_file,
          certFile: tls.cert_file,
          keyFile: tls.key_file,
          serverName: tls.server_name,
          isVerified: tls.verify,
        },
      },
      services,
    );
  },
  mysql: async (settings, services) =>
    (await import('./authenticators/mysql.ts')).createMysqlAuthenticator(settings, services),
  postgresql: async (settings, services) =>
    (await import('./authenticators/postgresql.ts')).createPostgresqlAuthenticator(settings, services),
  redis: async (settings, services) =>
    (await import('./authenticators/redis.ts')).createRedisAuthenticator(settings, services),
  jwt: async (settings, services) =>
    (await import('./authenticators/jwt.ts')).createJwtAuthenticator(settings, services),
  nats_jwt: async (settings, services) =>
    (await import('./authenticators/nats-jwt.ts')).createNatsJwtAuthenticator(settings, services),
  nkey: async (settings) => (await import('./authenticators/nkey.ts')).createNkeyAuthenticator(settings),
  tls_certificate: async (settings) =>
    (await import('./authenticators/tls-certificate.ts')).createTlsCertificateAuthenticator(settings),
  token: async (settings, services) =>
    (await import('./authenticators/token.ts')).createTokenAuthenticator(settings, services),
};

/**
 * The methods of a configuration, ready to be asked.
 * @param timeoutMs for methods that have no limit of their own
 * @throws {Error} when a method cannot be set up; those before it are closed then
 */
export async function createMethods(
  configs: readonly MethodConfig[],
  services: AuthServices,
  timeoutMs: number,
): Promise<ChainLink[]> {
  const links: ChainLink[] = [];
  try {
    for (const config of configs)
      if (config.enable) links.push(await createLink(config, services, timeoutMs));
  } catch (error) {
    await Promise.allSettled(links.map(({ authenticator }) => authenticator.close()));
    throw error;
  }
  return links;
}

async function createLink(
  config: MethodConfig,
  services: AuthServices,
  timeoutMs: number,
): Promise<ChainLink> {
  return {
    authenticator: await createAuthenticator(config, services),
    timeoutMs: config.timeout ?? timeoutMs,
    cacheMs: config.cache,
    maxConcurrent: config.max_concurrent,
    maxWaiting: config.max_waiting,
  };
}

function createAuthenticator<Name extends MethodName>(
  config: SettingsOf<Name>,
  services: AuthServices,
): Promise<Authenticator> {
  const factory: Factory<Name> = FACTORIES[config.method];
  return factory(config, services);
}
