/** TLS towards databases. Files are read for every connection, so that renewed certificates need no restart. */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate } from 'node:tls';
import { BackendError } from './backend-error.ts';

/** Settings of one method, named as in the configuration. Texts are empty where nothing is given. */
export interface BackendTlsSettings {
  readonly enable: boolean;
  /** PEM; empty: the authorities that Node.js knows. */
  readonly ca_file: string;
  readonly cert_file: string;
  readonly key_file: string;
  /** Whether the certificate must be one of the authorities', for the name of the server. */
  readonly verify: boolean;
  /** Name that the certificate must be for; empty: the host that is connected to. */
  readonly server_name: string;
}

/**
 * Options for `tls.connect`, the same for every driver.
 * @param host empty where the driver itself passes on the name of each server it connects to
 * @returns null without TLS
 * @throws {BackendError} when a file cannot be read
 */
export async function backendTlsOptions(
  settings: BackendTlsSettings,
  host: string,
): Promise<ConnectionOptions | null> {
  if (!settings.enable) return null;
  const [ca, cert, key] = await Promise.all([
    readPem(settings.ca_file),
    readPem(settings.cert_file),
    readPem(settings.key_file),
  ]);
  const name = settings.server_name || host;
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    rejectUnauthorized: settings.verify,
    ...(name !== '' && isIP(name) === 0 && { servername: name }),
    // Where drivers connect by a socket of their own and pass no name on, the default would check for "localhost".
    ...(name !== '' && {
      checkServerIdentity: (_name: string, certificate: PeerCertificate) =>
        settings.verify ? checkServerIdentity(name, certificate) : undefined,
    }),
  };
}

async function readPem(file: string): Promise<Buffer | undefined> {
  if (file === '') return undefined;
  try {
    return await readFile(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'UNKNOWN';
    throw new BackendError(`the file ${file} cannot be read: ${code}`, code);
  }
}
