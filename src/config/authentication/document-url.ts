/** Addresses of documents that are fetched over HTTP. */
import { text } from '../formats.ts';

/** Empty, or a URL without a user name and password, which would be shown with it. */
export const documentUrl = text(
  'empty or a URL such as https://HOST/PATH, without user name and password',
  (value) => value === '' || isDocumentUrl(value),
);

function isDocumentUrl(value: string): boolean {
  if (!/^https?:\/\/[^\s#]+$/.test(value) || !URL.canParse(value)) return false;
  const { username, password } = new URL(value);
  return username === '' && password === '';
}
