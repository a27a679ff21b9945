/** What a primary asks its workers for operators: what comes of answers, and of those that do not come. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AskedWorker, ClusterControl } from '../../../src/cluster/cluster-control.ts';
import { ClusterTaps } from '../../../src/cluster/cluster-taps.ts';
import type {
  ControlKind,
  ControlQuestion,
  ControlQuestions,
} from '../../../src/cluster/control-question.ts';
import { PendingAnswers } from '../../../src/cluster/pending-answers.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { CIDS_PER_WORKER } from '../../../src/control/client-pages.ts';
import type { ClientDetail, ClientPage, ClientQuery } from '../../../src/control/client-view.ts';
import { clientView } from '../../support/client-view.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../upstream/harness.ts';

const QUERY: ClientQuery = { state: 'open', sort: 'msgs_to', offset: 0, limit: 10, withDetails: false };

type Answers = Partial<{ [K in ControlKind]: ControlQuestions[K]['answer'] | null }>;

/** Answers what it is told to. */
class PlayedWorker implements AskedWorker {
  readonly worker: number;
  isReady = true;
  readonly asked: ControlQuestion[] = [];
  readonly #answers: Answers;

  constructor(worker: number, answers: Answers) {
    this.worker = worker;
    this.#answers = answers;
  }

  askControl<K extends ControlKind>(
    question: ControlQuestion<K>,
  ): Promise<ControlQuestions[K]['answer'] | null> {
    this.asked.push(question);
    return Promise.resolve(
      (this.#answers[question.kind] as ControlQuestions[K]['answer'] | undefined) ?? null,
    );
  }
}

function setUp(workers: readonly PlayedWorker[], phase: 'starting' | 'serving' | 'closed' = 'serving') {
  const logger = new RecordingLogger();
  const config = loadConfig({ env: {}, flags: { workers: 2 } });
  const clock = new FakeClock();
  const taps = new ClusterTaps([], clock);
  const parts = { serverId: 'N', workers, taps, clock, logger, now: () => ({ config, phase }) };
  return { control: new ClusterControl(parts), logger };
}

/** Clients of a worker that have got so many messages each. */
function pageOf(worker: number, outMessages: readonly number[]): ClientPage {
  const clients = outMessages.map((count, index): ClientDetail => {
    const view = clientView({ cid: worker * CIDS_PER_WORKER + index + 1, worker, outMessages: count });
    return { ...view, subscriptionList: [], permissions: null };
  });
  return { total: 100, clients };
}

const READY = { isReady: true, reasons: [], isLameDuck: false };
const away = (reason: string) => ({ isReady: false, reasons: [reason], isLameDuck: false });

describe('control of workers', () => {
  test('clients: a page is made of as many as each worker could have on it', async () => {
    const workers = [
      new PlayedWorker(1, { clients: pageOf(1, [9, 5, 1]) }),
      new PlayedWorker(2, { clients: pageOf(2, [8, 5, 2]) }),
    ];
    const { control } = setUp(workers);
    const { total, clients } = await control.clients({ ...QUERY, offset: 1, limit: 3 });
    assert.equal(total, 200);
    assert.deepEqual(
      clients.map(({ worker, outMessages }) => [worker, outMessages]),
      [
        [2, 8],
        [1, 5],
        [2, 5],
      ],
    );
    for (const { asked } of workers)
      assert.deepEqual(asked, [{ kind: 'clients', about: { ...QUERY, offset: 0, limit: 4 } }]);
  });

  test('clients and kick: one client is asked for at its worker only', async () => {
    const workers = [1, 2].map((one) => new PlayedWorker(one, { clients: pageOf(one, [1]), kick: 1 }));
    const { control } = setUp(workers);
    const cid = 2 * CIDS_PER_WORKER + 1;
    assert.equal((await control.clients({ ...QUERY, cid })).clients[0]?.cid, cid);
    assert.equal(await control.kick({ cid }), 1);
    assert.equal(await control.kick({ cid: 7 * CIDS_PER_WORKER }), 0);
    assert.deepEqual(
      workers.map(({ asked }) => asked.length),
      [0, 2],
    );
    assert.equal(await control.kick({ user: 'ann' }), 2);
  });

  test('a worker that does not answer is left out, and the log says so', async () => {
    const workers = [new PlayedWorker(1, { kick: 3 }), new PlayedWorker(2, { kick: null })];
    const { control, logger } = setUp(workers);
    assert.equal(await control.kick({ user: 'ann' }), 3);
    const [line, ...more] = logger.of('cluster.worker_unanswered');
    assert.equal(more.length, 0);
    assert.deepEqual([line?.level, line?.fields.worker, line?.fields.question], ['warn', 2, 'kick']);
    workers[1]!.isReady = false;
    assert.equal(await control.kick({ user: 'ann' }), 3);
    assert.equal(workers[1]!.asked.length, 1, 'who does not serve is not asked');
  });

  test('readiness: one worker is enough, without any the reasons of all are given', async () => {
    const of = async (...answers: (ControlQuestions['readiness']['answer'] | null)[]) =>
      await setUp(
        answers.map((one, index) => new PlayedWorker(index + 1, { readiness: one })),
      ).control.readiness();
    assert.deepEqual(await of(READY, away('the broker cannot be reached: x')), READY);
    const both = await of(away('a'), away('a'));
    assert.deepEqual([both.isReady, both.reasons], [false, ['a']]);
    assert.deepEqual((await of(null, null)).reasons, ['no worker serves clients at the moment']);
    assert.deepEqual((await setUp([], 'starting').control.readiness()).reasons, ['the gateway is starting']);
    assert.deepEqual((await setUp([], 'closed').control.readiness()).reasons, ['the gateway is stopping']);
  });

  test('listeners: are those of the configuration, even when nobody serves', async () => {
    const { control } = setUp([]);
    const [one] = await control.listeners();
    assert.deepEqual([one?.name, one?.state, one?.connections, one?.rejected], ['tcp', 'closed', 0, {}]);
  });
});

describe('answers that are waited for', () => {
  test('answers: each question gets its own, of its own kind', async () => {
    const answers = new PendingAnswers(new FakeClock());
    const first = answers.ask('kick', (id) => assert.equal(id, 1));
    const second = answers.ask('kick', (id) => assert.equal(id, 2));
    answers.onAnswer(1, 'listeners', []);
    answers.onAnswer(2, 'kick', 20);
    answers.onAnswer(1, 'kick', 10);
    answers.onAnswer(1, 'kick', 11);
    answers.onAnswer(9, 'kick', 1);
    assert.deepEqual(await Promise.all([first, second]), [10, 20]);
  });

  test('answers: come in time or not at all, and not from a process that has ended', async () => {
    const clock = new FakeClock();
    const answers = new PendingAnswers(clock);
    const late = answers.ask('kick', () => {});
    clock.advance(2_000);
    assert.equal(await late, null);
    const gone = answers.ask('kick', () => {});
    answers.onGone();
    assert.equal(await gone, null);
  });
});
