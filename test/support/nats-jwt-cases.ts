/**
 * Users in operator mode, each right or wrong in one place, with what must become of them. Judged by the gateway's
 * method in a unit test and by a real nats-server in an integration test.
 */
import { createAccount, createOperator, createUser, type KeyPair } from '@nats-io/nkeys';
import {
  ACCOUNT_LIMITS,
  forge,
  type Holder,
  makeAccount,
  makeOperator,
  makeScopedUser,
  makeUser,
  signed,
  type TokenOptions,
} from './nats-operator.ts';

/** One client. */
export interface NatsJwtCase {
  readonly name: string;
  readonly isAccepted: boolean;
  readonly jwt: string;
  /** What it sends as `sig`. */
  readonly sign: (nonce: string) => string;
  readonly transport: 'tcp' | 'ws';
  /** Where nats-server 2.9.10 decides otherwise, and why we do not follow. */
  readonly serverAccepts: boolean | null;
}

/** The operator, the accounts that a resolver has to know, and the clients. */
export interface NatsJwtWorld {
  readonly operator: Holder;
  readonly operatorSigner: KeyPair;
  readonly accounts: readonly Holder[];
  readonly cases: readonly NatsJwtCase[];
}

type Extra = Partial<Pick<NatsJwtCase, 'sign' | 'transport' | 'serverAccepts'>>;

const nowS = Math.floor(Date.now() / 1000);
const HOUR = 3600;

/** A zone where it is about noon, so that ranges around now do not cross midnight. */
const noonZone = ((): string => {
  const offset = 12 - new Date().getUTCHours();
  return `Etc/GMT${offset > 0 ? '-' : '+'}${Math.abs(offset)}`;
})();
const aroundNoon = { start: '09:00:00', end: '15:00:00' };
const evening = { start: '20:00:00', end: '21:00:00' };

class WorldBuilder {
  readonly accounts: Holder[] = [];
  readonly cases: NatsJwtCase[] = [];
  readonly operator: Holder;
  readonly operatorSigner: KeyPair;

  constructor(operator: Holder, operatorSigner: KeyPair) {
    this.operator = operator;
    this.operatorSigner = operatorSigner;
  }

  async account(options: TokenOptions = {}): Promise<Holder> {
    const account = await makeAccount(this.operator.pair, options);
    this.accounts.push(account);
    return account;
  }

  add(isAccepted: boolean, name: string, user: Pick<Holder, 'token' | 'pair'>, extra: Extra = {}): void {
    this.cases.push({
      name,
      isAccepted,
      jwt: user.token,
      sign: (nonce) => signed(nonce, user.pair),
      transport: 'tcp',
      serverAccepts: null,
      ...extra,
    });
  }
}

/** Makes everything anew: tokens hold dates. */
export async function makeNatsJwtWorld(): Promise<NatsJwtWorld> {
  const operatorSigner = createOperator();
  const signing_keys = [operatorSigner.getPublicKey()];
  const world = new WorldBuilder(await makeOperator({ body: { signing_keys } }), operatorSigner);
  const account = await world.account();
  await addSignatures(world, account);
  await addForgeries(world, account);
  await addChains(world, account);
  await addRevocations(world);
  await addScopes(world);
  await addCircumstances(world, account);
  await addMalformed(world, account);
  return world;
}

async function addSignatures(world: WorldBuilder, account: Holder): Promise<void> {
  const user = await makeUser(account.pair);
  const bearer = await makeUser(account.pair, { body: { bearer_token: true } });
  world.add(true, 'a user of an account', user);
  world.add(true, 'a signature in padded base64', user, {
    sign: (nonce) => Buffer.from(user.pair.sign(Buffer.from(nonce))).toString('base64'),
  });
  world.add(false, 'a signature in base64url with half its padding', user, {
    sign: (nonce) => `${signed(nonce, user.pair)}=`,
  });
  world.add(false, 'no signature', user, { sign: () => '' });
  world.add(false, 'the signature of another nonce', user, {
    sign: (nonce) => signed(`${nonce}x`, user.pair),
  });
  world.add(false, 'the signature of another user', user, { sign: (nonce) => signed(nonce, createUser()) });
  world.add(false, 'the signature of the account', user, { sign: (nonce) => signed(nonce, account.pair) });
  world.add(true, 'a bearer token without signature', bearer, { sign: () => '' });
  world.add(true, 'a user of version 1', await makeUser(account.pair, { version: 1 }));
  const strict = await world.account({ body: { limits: { ...ACCOUNT_LIMITS, disallow_bearer: true } } });
  const body = { bearer_token: true };
  world.add(false, 'a bearer token where the account forbids it', await makeUser(strict.pair, { body }), {
    sign: () => '',
  });
  world.add(true, 'a signature where the account forbids bearer tokens', await makeUser(strict.pair));
}

async function addForgeries(world: WorldBuilder, account: Holder): Promise<void> {
  const user = await makeUser(account.pair);
  const forged = (name: string, change: Parameters<typeof forge>[1]): void =>
    world.add(false, name, { ...user, token: forge(user.token, change) });
  forged('another name under the old signature', { payload: { name: 'admin' } });
  forged('the algorithm none', { header: { alg: 'none' }, signature: '' });
  forged('no signature in the token', { signature: '' });
  forged('the algorithm HS256', { header: { alg: 'HS256' } });
  forged('another type of token', { header: { typ: 'JWS' } });
  world.add(false, 'two parts', { ...user, token: user.token.split('.').slice(0, 2).join('.') });
  world.add(false, 'four parts', { ...user, token: `${user.token}.e30` });
  world.add(false, 'the token of the account', { ...account });
  world.add(false, 'a token signed by the user', await makeUser(account.pair, { signer: user.pair }));
  world.add(
    false,
    'a token signed by the operator',
    await makeUser(account.pair, { signer: world.operator.pair }),
  );
  const stranger = createAccount();
  world.add(false, 'a token signed by a stranger in the name of the account', {
    ...(await makeUser(stranger, { body: { issuer_account: account.key } })),
  });
  const claimed = await makeUser(stranger);
  world.add(false, 'an issuer that did not sign', {
    ...claimed,
    token: forge(claimed.token, { payload: { iss: account.key } }),
  });
}

async function addChains(world: WorldBuilder, account: Holder): Promise<void> {
  const signer = createAccount();
  const signing = await world.account({
    body: { limits: ACCOUNT_LIMITS, signing_keys: [signer.getPublicKey()] },
  });
  const body = { issuer_account: signing.key };
  world.add(true, 'a user of a signing key', await makeUser(signer, { body }));
  world.add(false, 'a user of a signing key that does not say whose', await makeUser(signer));
  world.add(
    false,
    'a user of a signing key that says it is of another account',
    await makeUser(signer, { body: { issuer_account: account.key } }),
  );
  world.add(true, 'a user that names its account without need', await makeUser(signing.pair, { body }));
  const unknown = await makeAccount(world.operator.pair);
  world.add(false, 'an account that nobody knows', await makeUser(unknown.pair));
  const untrusted = await world.account({ signer: createOperator() });
  world.add(false, 'an account of another operator', await makeUser(untrusted.pair));
  const own = createAccount();
  const selfSigned = await world.account({ pair: own, signer: own });
  world.add(false, 'an account that signed its own token', await makeUser(selfSigned.pair));
  const bySigner = await world.account({ signer: world.operatorSigner });
  world.add(true, 'an account signed by a signing key of the operator', await makeUser(bySigner.pair));
  const expired = await world.account({ claims: { exp: nowS - HOUR } });
  world.add(false, 'an expired account', await makeUser(expired.pair));
  const early = await world.account({ claims: { nbf: nowS + HOUR } });
  world.add(false, 'an account that is not valid yet', await makeUser(early.pair));
  const old = await world.account({ version: 1 });
  world.add(true, 'an account of version 1', await makeUser(old.pair, { version: 1 }));
  const bare = await world.account({ version: 1, body: { limits: {} } });
  world.add(false, 'an account of version 1 without limits, which are none', await makeUser(bare.pair));
  const closed = await world.account({ body: { limits: { ...ACCOUNT_LIMITS, conn: 0 } } });
  world.add(false, 'an account that may have no connections', await makeUser(closed.pair));
}

async function addRevocations(world: WorldBuilder): Promise<void> {
  const [revoked, renewed] = [createUser(), createUser()];
  const account = await world.account({
    body: {
      limits: ACCOUNT_LIMITS,
      revocations: { [revoked.getPublicKey()]: nowS + HOUR, [renewed.getPublicKey()]: nowS - HOUR },
    },
  });
  world.add(false, 'a revoked user', await makeUser(account.pair, { pair: revoked }));
  world.add(true, 'a user whose earlier token was revoked', await makeUser(account.pair, { pair: renewed }));
  world.add(true, 'a user next to a revoked one', await makeUser(account.pair));
  const all = await world.account({ body: { limits: ACCOUNT_LIMITS, revocations: { '*': nowS + HOUR } } });
  world.add(false, 'a user when all are revoked', await makeUser(all.pair));
  const earlier = await world.account({
    body: { limits: ACCOUNT_LIMITS, revocations: { '*': nowS - HOUR } },
  });
  world.add(true, 'a user when all earlier tokens are revoked', await makeUser(earlier.pair));
}

async function addScopes(world: WorldBuilder): Promise<void> {
  const [signer, open, deny] = [createAccount(), createAccount(), createAccount()];
  const scope = (key: KeyPair, template: object): object => ({
    kind: 'user_scope',
    key: key.getPublicKey(),
    role: 'r',
    template: { subs: -1, data: -1, payload: -1, ...template },
  });
  const account = await world.account({
    body: {
      limits: ACCOUNT_LIMITS,
      signing_keys: [
        scope(signer, { pub: { allow: ['user.{{name()}}.>'] } }),
        scope(open, { bearer_token: true }),
        scope(deny, { pub: { deny: ['closed.{{tag(team)}}'] } }),
      ],
    },
  });
  const user = async (key: KeyPair, options: TokenOptions = {}): Promise<Holder> =>
    await makeScopedUser(account.key, key, options);
  world.add(true, 'a user of a scoped key', await user(signer));
  world.add(false, 'a user of a scoped key with a limit', await user(signer, { body: { subs: -1 } }));
  world.add(
    false,
    'a user of a scoped key with permissions',
    await user(signer, { body: { pub: { allow: ['>'] } } }),
  );
  world.add(
    false,
    'a user of a scoped key that calls itself a bearer',
    await user(signer, { body: { bearer_token: true } }),
    {
      sign: () => '',
    },
  );
  world.add(true, 'a bearer by its scoped key', await user(open), { sign: () => '' });
  world.add(true, 'a tag that a deny rule needs', await user(deny, { body: { tags: ['team:red'] } }));
  world.add(false, 'no tag where a deny rule needs one', await user(deny));
}

async function addCircumstances(world: WorldBuilder, account: Holder): Promise<void> {
  const user = async (options: TokenOptions): Promise<Holder> => await makeUser(account.pair, options);
  const withBody = async (body: Record<string, unknown>): Promise<Holder> => await user({ body });
  world.add(true, 'a token that expires later', await user({ claims: { exp: nowS + HOUR } }));
  world.add(false, 'an expired token', await user({ claims: { exp: nowS - 5 } }));
  world.add(true, 'a token that is valid since long', await user({ claims: { nbf: nowS - 5 } }));
  world.add(false, 'a token that is not valid yet', await user({ claims: { nbf: nowS + HOUR } }));
  const types = async (...allowed: string[]): Promise<Holder> =>
    await withBody({ allowed_connection_types: allowed });
  world.add(true, 'a plain connection where that is allowed', await types('STANDARD'));
  world.add(false, 'a plain connection where only WebSocket is allowed', await types('WEBSOCKET'));
  world.add(true, 'WebSocket where only that is allowed', await types('WEBSOCKET'), { transport: 'ws' });
  world.add(false, 'WebSocket where only plain connections are allowed', await types('STANDARD'), {
    transport: 'ws',
  });
  world.add(true, 'an unknown type next to the right one', await types('PIGEON', 'STANDARD'));
  world.add(false, 'nothing but an unknown type', await types('PIGEON'));
  world.add(true, 'the type in small letters', await types('standard'));
  world.add(true, 'an address in an allowed network', await withBody({ src: ['10.0.0.0/8', '127.0.0.0/8'] }));
  world.add(false, 'an address in no allowed network', await withBody({ src: ['10.0.0.0/8'] }));
  world.add(true, 'networks as one text', await withBody({ src: '10.0.0.0/8, 127.0.0.1/32' }));
  const at = async (...times: object[]): Promise<Holder> =>
    await withBody({ times, times_location: noonZone });
  world.add(true, 'a time inside a range', await at(evening, aroundNoon));
  world.add(false, 'a time outside all ranges', await at(evening));
  world.add(false, 'a range that ends where it begins', await at({ start: '00:00:00', end: '00:00:00' }));
  world.add(true, 'a range over midnight, before midnight', await at({ start: '09:00:00', end: '03:00:00' }));
  // A range over midnight is refused by nats-server after midnight, which cannot be what the token's author wants.
  world.add(true, 'a range over midnight, after midnight', await at({ start: '20:00:00', end: '15:00:00' }), {
    serverAccepts: false,
  });
  // Users who must come through a proxy are a thing of later versions.
  world.add(false, 'a user who must come through a proxy', await withBody({ proxy_required: true }), {
    serverAccepts: true,
  });
}

async function addMalformed(world: WorldBuilder, account: Holder): Promise<void> {
  const bad = async (name: string, body: Record<string, unknown>): Promise<void> =>
    world.add(false, name, await makeUser(account.pair, { body }));
  await bad('a network that is none', { src: ['127.0.0.1'] });
  await bad('a time zone that is none', { times: [aroundNoon], times_location: 'Mars/Olympus' });
  await bad('a range that is none', { times: [{ start: 'noon', end: '15:00:00' }] });
  await bad('a range without end', { times: [{ start: '09:00:00' }] });
  await bad('a limit that is text', { subs: '-1' });
  await bad('a bearer flag that is text', { bearer_token: 'false' });
  await bad('a permission that is no list', { pub: { allow: 'a' } });
  await bad('a queue group for publications', { pub: { allow: ['a q'] } });
  await bad('an issuing account that is none', { issuer_account: 'somebody' });
  // Version 2.9.10 did not look at it yet.
  world.add(
    false,
    'a subject with an empty token',
    await makeUser(account.pair, { body: { pub: { allow: ['a..b'] } } }),
    { serverAccepts: true },
  );
  world.add(
    false,
    'an expiry that is text',
    await makeUser(account.pair, { claims: { exp: String(nowS + HOUR) } }),
  );
}
