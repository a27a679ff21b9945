/** Which requests may come from a foreign web page. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFromOurPages, isOurHost } from '../../../src/admin/security/request-origin.ts';

const HOSTS: [header: string | undefined, isOurs: boolean][] = [
  [undefined, true],
  ['127.0.0.1', true],
  ['127.0.0.1:8222', true],
  ['192.168.1.5:80', true],
  ['[::1]:8222', true],
  ['localhost', true],
  ['LOCALHOST.:8222', true],
  ['a.localhost', true],
  ['gateway.lan', true],
  ['Gateway.LAN:8222', true],
  ['evil.example', false],
  ['localhost.evil.example', false],
  ['127.0.0.1.evil.example', false],
  ['user@localhost', false],
  ['localhost/evil', false],
  ['', false],
  ['[::1', false],
  ['::1', false],
];
for (const [header, isOurs] of HOSTS) {
  test(`origin: the host ${header} is ${isOurs ? 'ours' : 'not ours'}`, () => {
    assert.equal(isOurHost(header, ['gateway.lan']), isOurs);
  });
}

const PAGES: [headers: Parameters<typeof isFromOurPages>[0], isOurs: boolean][] = [
  [{ host: 'a:1' }, true],
  [{ host: 'a:1', origin: 'http://a:1' }, true],
  [{ host: 'a', origin: 'https://a' }, true],
  [{ host: 'a:443', origin: 'https://a' }, true],
  [{ host: 'a:80', origin: 'http://a' }, true],
  [{ host: 'a:1', origin: 'http://a:2' }, false],
  [{ host: 'a:1', origin: 'http://b:1' }, false],
  [{ host: 'a:1', origin: 'null' }, false],
  [{ origin: 'http://a' }, false],
  [{ host: 'a', 'sec-fetch-site': 'none' }, true],
  [{ host: 'a', origin: 'http://a', 'sec-fetch-site': 'same-origin' }, true],
  [{ host: 'a', origin: 'http://a', 'sec-fetch-site': 'same-site' }, false],
  [{ host: 'a', 'sec-fetch-site': 'cross-site' }, false],
];
for (const [headers, isOurs] of PAGES) {
  test(`origin: ${JSON.stringify(headers)} ${isOurs ? 'may' : 'may not'} change something`, () => {
    assert.equal(isFromOurPages(headers), isOurs);
  });
}
