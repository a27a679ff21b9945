/**
 * Certificates for tests, made by the `openssl` program: Node.js can read certificates but not issue them, and what
 * operators use is made by OpenSSL as well. Knows nothing of the gateway.
 */
import { execFileSync, type StdioOptions } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROGRAMS, requireProgram } from './processes.ts';

/** Files of one certificate. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  /** Contents of the files. */
  readonly cert: string;
  readonly key: string;
  /** SHA-256 of the public key, in hexadecimal. */
  readonly pin: string;
}

/** What a certificate says. */
export interface CertificateOptions {
  /** As openssl writes it, such as `/O=Acme/CN=alice`; `+` joins attributes. Default `/CN=localhost`. */
  readonly subject?: string;
  /** Such as `DNS:localhost,IP:127.0.0.1`, which is the default; empty for none. */
  readonly names?: string;
  /** More lines of openssl's configuration, for names that need sections of their own: `subjectAltName=@san …`. */
  readonly extensions?: string;
  /** Days from now until it expires; default 365; -1 for one that expired yesterday. */
  readonly days?: number;
  /** Default `ec`. */
  readonly keyType?: 'ec' | 'rsa';
  /** Encrypts the key. */
  readonly passphrase?: string;
}

const KEY_ARGUMENTS = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['-newkey', 'rsa:2048'],
} as const;

/** A certificate authority in a folder of its own. */
export class TestAuthority {
  readonly folder = mkdtempSync(join(tmpdir(), 'nmg-certs-'));
  readonly #own: Certificate;
  #count = 0;

  constructor(name = 'Test Authority') {
    this.#own = this.#make({ subject: `/O=Test/CN=${name}`, names: '' }, 'CA:TRUE', []);
  }

  /** The authority's own certificate. */
  get caFile(): string {
    return this.#own.certFile;
  }

  /** The authority's own certificate as text. */
  get ca(): string {
    return this.#own.cert;
  }

  /** Issues a certificate, with a new key. */
  issue(options: CertificateOptions = {}): Certificate {
    return this.#make(options, 'CA:FALSE', ['-CA', this.#own.certFile, '-CAkey', this.#own.keyFile]);
  }

  /** Removes all files. */
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #make(options: CertificateOptions, constraint: string, issuer: readonly string[]): Certificate {
    const { subject = '/CN=localhost', names = 'DNS:localhost,IP:127.0.0.1', days = 365 } = options;
    this.#count += 1;
    const base = join(this.folder, String(this.#count));
    const files = { certFile: `${base}.pem`, keyFile: `${base}.key` };
    const alternatives = names === '' ? '' : `subjectAltName=${names}\n`;
    const extensions = options.extensions ?? alternatives;
    writeFileSync(
      `${base}.cnf`,
      `[req]\ndistinguished_name=dn\n[dn]\n[ext]\nbasicConstraints=critical,${constraint}\n${extensions}`,
    );
    const protection =
      options.passphrase === undefined ? ['-nodes'] : ['-passout', `pass:${options.passphrase}`];
    execFileSync(
      requireProgram(PROGRAMS.openssl),
      [
        ...['req', '-x509', ...KEY_ARGUMENTS[options.keyType ?? 'ec'], ...protection, ...issuer],
        ...['-keyout', files.keyFile, '-out', files.certFile, '-days', String(Math.max(days, 1))],
        ...['-subj', subject],
        ...['-utf8', '-config', `${base}.cnf`, '-extensions', 'ext'],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    if (days < 0) this.#expire(files, issuer, days);
    const cert = readFileSync(files.certFile, 'utf8');
    const spki = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
    const pin = createHash('sha256').update(spki).digest('hex');
    return { ...files, cert, key: readFileSync(files.keyFile, 'utf8'), pin };
  }

  /** Signs again, because `openssl req` refuses days that have passed; extensions are lost. */
  #expire(files: { certFile: string; keyFile: string }, issuer: readonly string[], days: number): void {
    const openssl = requireProgram(PROGRAMS.openssl);
    const stdio: StdioOptions = ['ignore', 'pipe', 'pipe'];
    const certificate = ['x509', '-x509toreq', '-in', files.certFile, '-signkey', files.keyFile];
    const input = execFileSync(openssl, certificate, { stdio });
    const request = ['x509', '-req', ...issuer, '-CAcreateserial', '-days', String(days)];
    execFileSync(openssl, [...request, '-out', files.certFile], { input, stdio: ['pipe', 'pipe', 'pipe'] });
  }
}
