/**
 * Certificates for the databases of the tests, made with openssl: an authority, a server certificate for 127.0.0.1 and
 * a client certificate. Knows nothing of who uses them.
 */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

/** Makes an authority in `folder`, and with it a certificate for a server on 127.0.0.1 and one for a client. */
export async function makeCertificates(folder: string, clientName: string): Promise<CertificateFiles> {
  const at = (name: string): string => join(folder, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const ca = ['-keyout', at('ca.key'), '-out', at('ca.crt'), '-subj', '/CN=test authority'];
  await run('openssl', ['req', '-x509', ...key, ...ca]);
  const sign = async (name: string, commonName: string, extension: string): Promise<void> => {
    await writeFile(at(`${name}.ext`), extension);
    const request = ['-keyout', at(`${name}.key`), '-out', at(`${name}.csr`), '-subj', `/CN=${commonName}`];
    await run('openssl', ['req', ...key, ...request]);
    const authority = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2'];
    const files = ['-in', at(`${name}.csr`), '-out', at(`${name}.crt`), '-extfile', at(`${name}.ext`)];
    await run('openssl', ['x509', '-req', ...authority, ...files]);
  };
  await sign('server', 'test server', 'subjectAltName=IP:127.0.0.1\n');
  await sign('client', clientName, 'extendedKeyUsage=clientAuth\n');
  return {
    ca: at('ca.crt'),
    cert: at('server.crt'),
    key: at('server.key'),
    clientCert: at('client.crt'),
    clientKey: at('client.key'),
  };
}
