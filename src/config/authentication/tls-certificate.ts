/** Settings of the method `tls_certificate`. */
import { choice } from '../formats.ts';
import { key } from '../key.ts';
import { permittedList } from './permitted.ts';

/** See the head of the file. */
export const TLS_CERTIFICATE_KEYS = {
  users: key(
    'Names in certificates (e-mail address, DNS name, URI, or subject such as `CN=alice,O=Acme`), or objects with `user`, `permissions` and other fields of users.',
    permittedList('user', 'names in certificates', (text) => text !== '' && isOneLine(text)),
    [],
  ),
  unmapped: key(
    'What becomes of a client whose certificate is in no entry: `reject`, or `skip` to the next method.',
    choice('reject', 'skip'),
    'reject',
  ),
} as const;

function isOneLine(text: string): boolean {
  return !/\p{Cc}/u.test(text);
}
