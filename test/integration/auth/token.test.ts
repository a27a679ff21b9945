/** The method `token` with real clients. */
import { hashSync } from 'bcryptjs';
import { testContract } from './contract.ts';

const TOKEN = 'correct-horse-battery';

for (const [form, configured] of [
  ['plain', TOKEN],
  ['bcrypt', hashSync(TOKEN, 4)],
] as const) {
  testContract('token', async () => ({
    settings: { token: configured, name: `${form}-service` },
    good: [{ name: 'token', options: { token: TOKEN }, identity: `${form}-service` }],
    bad: [
      { name: 'wrong token', options: { token: `${TOKEN}x` } },
      { name: 'as password', options: { user: 'token', pass: TOKEN } },
    ],
    secrets: [TOKEN, configured],
    backend: null,
    stop: async () => {},
  }));
}
