/**
 * What every authentication method has to do, whatever is behind it: one set of tests, registered for each method. The
 * gateway, Mosquitto, the backend and the client library are the real ones.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { AuthorizationError, type ConnectionOptions } from '@nats-io/transport-node';
import { type RunningGateway, startGateway } from '../../support/gateway.ts';
import { startMosquitto } from '../../support/mosquitto.ts';
import { collect } from '../../support/nats.ts';
import { Scene } from '../../support/scene.ts';
import { within } from '../../support/wait-for.ts';

/** Credentials of one client, as the library takes them. */
export interface ContractClient {
  readonly name: string;
  readonly options: ConnectionOptions;
}

/** Ways to break what is behind a method. Each holds until `mend`. */
export interface BreakableBackend {
  /** Nobody listens, and open connections are cut. */
  stop(): Promise<void>;
  /** Accepts connections and says nothing, for longer than anybody waits. */
  stall(): Promise<void>;
  /** Answers, but nothing that makes sense. */
  garble(): Promise<void>;
  mend(): Promise<void>;
}

/** A method that is ready to be used. */
export interface MethodUnderTest {
  /** The entry of `authentication`, as in the configuration file. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Accepted; `identity` is the name they get. */
  readonly good: readonly (ContractClient & { readonly identity: string })[];
  /** Refused. */
  readonly bad: readonly ContractClient[];
  /** Texts that must appear in no log line. */
  readonly secrets: readonly string[];
  /** Null: the method asks nobody. */
  readonly backend: BreakableBackend | null;
  stop(): Promise<void>;
}

/** Time-out of the method in these tests. */
const METHOD_TIMEOUT_MS = 700;
/** A refusal has to come within this, whatever state the backend is in. */
const REFUSAL_LIMIT_MS = 4_000;

/** Every {@link Fault}. */
export const ALL_FAULTS = ['stop', 'stall', 'garble'] as const;

/** How a backend is broken. */
export type Fault = (typeof ALL_FAULTS)[number];

/**
 * Registers the tests.
 * @param start makes the backend ready
 * @param faults what can be done to the backend; none where the method asks nobody
 */
export function testContract(
  method: string,
  start: () => Promise<MethodUnderTest>,
  faults: readonly Fault[] = [],
): void {
  describe(`contract of ${method}`, () => {
    let subject: MethodUnderTest;
    let scene: Scene;
    let chained: RunningGateway;

    before(async () => {
      subject = await start();
      const own = { method, timeout: `${METHOD_TIMEOUT_MS}ms`, ...subject.settings };
      const open = { client_info: { username: '', password: '' }, auth_failure_delay: '0s' };
      scene = await Scene.start(await startMosquitto({}), { ...open, authentication: [own] });
      const next = { method: 'token', token: 'the-next-method' };
      const upstream = { url: scene.broker.url };
      chained = await startGateway({ ...open, upstream, authentication: [own, next] });
    });
    afterEach(async () => {
      await subject.backend?.mend();
      await scene.closeClients();
    });
    after(async () => {
      assertNoSecrets(subject, [scene.gateway, chained]);
      await chained.stop();
      await scene.stop();
      await subject.stop();
    });

    const refused = async (options: ConnectionOptions, gateway = scene.gateway): Promise<void> => {
      const attempt = scene.nats({ ...options, timeout: REFUSAL_LIMIT_MS }, gateway);
      await assert.rejects(within(attempt, REFUSAL_LIMIT_MS, 'a refusal'), AuthorizationError);
    };
    const failures = (): number => {
      const { failed, timedOut } = scene.gateway.gateway.status().counters.auth.of(method);
      return failed + timedOut;
    };
    const accepted = async ({ name, options }: ContractClient, gateway = scene.gateway): Promise<void> => {
      const client = await scene.nats(options, gateway);
      const inbox = await collect(client, `contract.${method}`);
      client.publish(`contract.${method}`, name);
      assert.equal((await inbox.next()).string(), name);
    };

    test(`${method}: INFO asks for credentials`, async () => {
      assert.equal((await scene.greeted()).info.auth_required, true);
    });

    test(`${method}: good credentials work, and the log knows the client by its name`, async () => {
      for (const one of subject.good) {
        await accepted(one);
        const line = scene.gateway.logLines('auth.accepted').at(-1);
        assert.deepEqual([line?.method, line?.identity], [method, one.identity], one.name);
      }
    });

    test(`${method}: bad credentials are refused with one and the same text`, async () => {
      for (const one of subject.bad) {
        const before = scene.gateway.logLines('auth.rejected').length;
        await refused(one.options);
        assert.equal(scene.gateway.logLines('auth.rejected').length, before + 1, one.name);
      }
    });

    test(`${method}: no credentials are refused, and left to the next method of a chain`, async () => {
      await refused({});
      await accepted({ name: 'token', options: { token: 'the-next-method' } }, chained);
      await refused({ token: 'no-method-knows-it' }, chained);
    });

    test(`${method}: nothing works before CONNECT, nor after a refused one`, async () => {
      for (const operation of ['PING', 'PONG', 'SUB a 1', 'PUB a 0\r\n', 'PUB a 1000000', 'UNSUB 1']) {
        const client = await scene.greeted();
        client.send(`${operation}\r\n`);
        await client.expect("-ERR 'Authorization Violation'\r\n");
        await client.closed();
      }
    });

    for (const fault of faults) {
      test(`${method}: a backend that does "${fault}" refuses in bounded time, and comes back`, async () => {
        const { backend } = subject;
        const [good] = subject.good;
        assert.ok(backend !== null && good !== undefined);
        await backend[fault]();
        const before = failures();
        await refused(good.options);
        // The next method would accept it, but must not be asked.
        await refused({ ...good.options, token: 'the-next-method' }, chained);
        assert.equal(failures(), before + 1);
        // One line a second: the first of these tests has left one.
        assert.ok(scene.gateway.logLines('auth.backend_failed').length > 0, 'a log event');
        await backend.mend();
        await accepted(good);
      });
    }
  });
}

function assertNoSecrets({ secrets }: MethodUnderTest, gateways: readonly RunningGateway[]): void {
  for (const { logText } of gateways) {
    assert.ok(logText.length > 0);
    for (const secret of secrets) assert.equal(logText.includes(secret), false, 'a secret is in the log');
  }
}
