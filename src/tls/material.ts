/**
 * Certificates, keys and authorities as they come from files: read, checked against each other, and made into what
 * node:tls works with. Knows nothing of when that happens.
 */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { nameText } from './client-certificate.ts';

/** Which files, and what is spoken. */
export interface TlsSettings {
  /** Where it stands in the configuration, such as `listeners[0].tls`. */
  readonly path: string;
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly keyPassphrase: string | null;
  /** Null: the authorities that Node.js trusts. */
  readonly caFile: string | null;
  readonly minVersion: '1.2' | '1.3';
  readonly ciphers: string | null;
}

/** What was read from the files; null where none is set. */
export interface TlsFiles {
  readonly cert: string | null;
  readonly key: string | null;
  readonly ca: string | null;
}

/** Everything that a TLS connection of one listener, or to the broker, needs. */
export interface TlsMaterial {
  readonly options: SecureContextOptions;
  /** Made of `options`; making one takes a millisecond, so it is shared. */
  readonly context: SecureContext;
  /** When the first of our own certificates expires, in milliseconds since 1970; Infinity without one. */
  readonly expiresAtMs: number;
  /** Our own certificate; null without one. */
  readonly leaf: CertificateNames | null;
}

/** What a certificate says of itself. */
export interface CertificateNames {
  /** RFC 2253 text, most specific part first. */
  readonly subject: string;
  readonly issuer: string;
  /** Milliseconds since 1970. */
  readonly notAfterMs: number;
}

/** A file cannot be used. The message is for operators, names setting and file, and holds nothing of the content. */
export class TlsMaterialError extends Error {
  override readonly name = 'TlsMaterialError';
}

const CERTIFICATE = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\s\S]*?-----END (?:TRUSTED )?CERTIFICATE-----/g;

/** Reads all files now. @throws {TlsMaterialError} */
export function readFilesNow(settings: TlsSettings): TlsFiles {
  return mapFiles(settings, (name, file) => {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      throw unreadable(settings, name, file, error);
    }
  });
}

/** Reads all files. @throws {TlsMaterialError} */
export async function readFiles(settings: TlsSettings): Promise<TlsFiles> {
  const pending = mapFiles(settings, (name, file) =>
    readFile(file, 'utf8').catch((error: unknown) => {
      throw unreadable(settings, name, file, error);
    }),
  );
  const [cert, key, ca] = await Promise.all([pending.cert, pending.key, pending.ca]);
  return { cert, key, ca };
}

type FileSetting = 'cert_file' | 'key_file' | 'ca_file';

function mapFiles<T>(
  { certFile, keyFile, caFile }: TlsSettings,
  read: (name: FileSetting, file: string) => T,
): { cert: T | null; key: T | null; ca: T | null } {
  return {
    cert: certFile === null ? null : read('cert_file', certFile),
    key: keyFile === null ? null : read('key_file', keyFile),
    ca: caFile === null ? null : read('ca_file', caFile),
  };
}

function unreadable(
  settings: TlsSettings,
  name: FileSetting,
  file: string,
  error: unknown,
): TlsMaterialError {
  const { code } = error as NodeJS.ErrnoException;
  const words: Record<string, string> = { ENOENT: 'no such file', EACCES: 'permission denied' };
  return new TlsMaterialError(
    `${settings.path}.${name}: the file ${file} cannot be read: ${words[code ?? ''] ?? code ?? 'unknown error'}`,
  );
}

/** Tells one content from another without keeping it. */
export function digestOf({ cert, key, ca }: TlsFiles): string {
  return createHash('sha256')
    .update(JSON.stringify([cert, key, ca]))
    .digest('base64');
}

/**
 * Checks that the files hold what they should and belong together.
 * @throws {TlsMaterialError} naming the file that is wrong
 */
export function buildMaterial(settings: TlsSettings, files: TlsFiles): TlsMaterial {
  const certificates = files.cert === null ? [] : certificatesOf(settings, 'cert_file', files.cert);
  if (files.ca !== null) certificatesOf(settings, 'ca_file', files.ca);
  const [leaf] = certificates;
  if (leaf !== undefined && files.key !== null) checkKey(settings, leaf, files.key);
  const options = contextOptions(settings, files);
  const expiries = certificates.map(({ validTo }) => Date.parse(validTo));
  return {
    options,
    context: contextOf(settings, options),
    expiresAtMs: Math.min(Number.POSITIVE_INFINITY, ...expiries),
    leaf: leaf === undefined ? null : namesOf(leaf),
  };
}

function namesOf({ subject, issuer, validTo }: X509Certificate): CertificateNames {
  return { subject: nameText(subject), issuer: nameText(issuer), notAfterMs: Date.parse(validTo) };
}

function certificatesOf(settings: TlsSettings, name: FileSetting, pem: string): X509Certificate[] {
  const wrong = (what: string, cause?: unknown) => {
    return new TlsMaterialError(`${settings.path}.${name}: ${fileOf(settings, name)} ${what}`, { cause });
  };
  const blocks = pem.match(CERTIFICATE);
  if (blocks === null) throw wrong('holds no certificate in PEM form');
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw wrong(`holds a damaged certificate (number ${index + 1})`, cause);
    }
  });
}

function checkKey(settings: TlsSettings, leaf: X509Certificate, pem: string): void {
  const { keyPassphrase, keyFile, certFile, path } = settings;
  let isRight: boolean;
  try {
    const key = createPrivateKey({ key: pem, ...(keyPassphrase !== null && { passphrase: keyPassphrase }) });
    isRight = leaf.checkPrivateKey(key);
  } catch {
    // The cause is left out: it speaks of passphrases.
    const hint = pem.includes('ENCRYPTED') ? '; is key_passphrase right?' : '';
    throw new TlsMaterialError(`${path}.key_file: ${keyFile} holds no private key that can be read${hint}`);
  }
  if (!isRight) {
    throw new TlsMaterialError(`${path}.key_file: the key in ${keyFile} does not belong to ${certFile}`);
  }
}

function contextOptions(settings: TlsSettings, { cert, key, ca }: TlsFiles): SecureContextOptions {
  const { keyPassphrase, ciphers, minVersion } = settings;
  return {
    ...(cert !== null && { cert }),
    ...(key !== null && { key }),
    ...(key !== null && keyPassphrase !== null && { passphrase: keyPassphrase }),
    ...(ca !== null && { ca }),
    ...(ciphers !== null && { ciphers }),
    minVersion: minVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
  };
}

function contextOf(settings: TlsSettings, options: SecureContextOptions): SecureContext {
  try {
    return createSecureContext(options);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const what = code?.includes('CIPHER') ? 'ciphers: OpenSSL knows none of these' : 'OpenSSL refuses it';
    throw new TlsMaterialError(`${settings.path}.${what} (${code ?? 'unknown error'})`, { cause });
  }
}

function fileOf(settings: TlsSettings, name: FileSetting): string | null {
  return name === 'cert_file' ? settings.certFile : settings.caFile;
}
