/**
 * What the gateway must know of every broker, and names that only some brokers carry: they arrive, or are refused with the
 * text that no client takes as fatal.
 */
import assert from 'node:assert/strict';
import { collect } from '../../support/nats.ts';
import { type Behaviour, hasWildcards } from './brokers.ts';

const OLDER = 'the broker speaks only MQTT 3.1.1: set upstream.protocol_version to 4';

/** The report is what is written in the row; each warning was logged once, and nothing else. */
const probeIsRight: Behaviour = async (scene, row) => {
  const { broker } = scene.gateway.gateway.status();
  assert.deepEqual(broker?.probe, row.probe);
  assert.deepEqual(
    broker?.limitations.map(({ id }) => id),
    row.limitations,
  );
  assert.equal(broker?.isProbed, true);
  assert.equal(broker?.protocolVersion, row.version === 5 ? '5' : '3.1.1');
  const warned = broker?.limitations.filter(({ severity }) => severity === 'warn') ?? [];
  const logged = scene.gateway.logLines().filter(({ level }) => level === 'warn' || level === 'error');
  assert.deepEqual(
    logged.map(({ event, msg }) => [event, msg]),
    warned.map(({ id, meaning }) => [`upstream.${id}`, meaning]),
  );
};

/** Carried, or refused with the text that no client takes as fatal; never at the cost of the connection. */
const dollarSubjectsAreSafe: Behaviour = async (scene, row) => {
  const isCarried = row.probe.dollarTopics === 'works';
  for (const verbose of [false, true]) {
    const client = await scene.raw({ verbose });
    client.send('SUB $DATA.x 1\r\n');
    if (verbose) await client.expect('+OK\r\n');
    client.send('PUB $DATA.x 1\r\nd\r\n');
    if (!isCarried) await client.expect(`-ERR 'Permissions Violation for Publish to "$DATA.x"'\r\n`);
    else if (verbose) {
      // With QoS 1 either may come first.
      await client.readUntil(/\+OK\r\nMSG \$DATA\.x 1 1\r\nd\r\n|MSG \$DATA\.x 1 1\r\nd\r\n\+OK\r\n/);
    } else await client.expect('MSG $DATA.x 1 1\r\nd\r\n');
    await client.pingPong();
  }
};

/** As `$`; where the broker changes the name, the message is under the changed one, as the warning says. */
const dotsAreSafe: Behaviour = async (scene, row) => {
  const client = await scene.raw();
  const isRefused = row.probe.dots === 'disconnects';
  const isChanged = row.probe.dots === 'rewritten';
  const changed = 'MSG dot.a.b 2 1\r\nd\r\n';
  client.send('SUB dot.a%2Eb 1\r\nSUB dot.a.b 2\r\nPUB dot.a%2Eb 1\r\nd\r\n');
  // No PONG can promise what comes under a name that nobody published.
  const first = isChanged ? await client.readUntil(changed) : '';
  const text = `${first}${await client.pingPong()}`;
  assert.equal(text.includes(`-ERR 'Permissions Violation for Publish to "dot.a%2Eb"'\r\n`), isRefused);
  assert.equal(text.includes('MSG dot.a%2Eb 1 1\r\nd\r\n'), !isRefused && !isChanged);
  assert.equal(text.includes(changed), isChanged);
  await client.pingPong();
};

const wildcardsAreSafe: Behaviour = async (scene, row) => {
  const client = await scene.raw();
  client.send('SUB wild.* 1\r\nSUB wild.> 2\r\nPUB wild.x 1\r\nw\r\n');
  const text = (await client.pingPong()).toString();
  const refused = [...text.matchAll(/-ERR 'Permissions Violation for Subscription to "wild\.[*>]"'\r\n/g)];
  assert.equal(refused.length, hasWildcards(row) ? 0 : 2);
  assert.equal([...text.matchAll(/MSG wild\.x/g)].length, hasWildcards(row) ? 2 : 0);
};

/** Wildcards see `$` topics where the broker has it so, and nobody gets two copies for it. */
const wildcardsAndDollar: Behaviour = async (scene, row) => {
  if (row.probe.wildcardsMatchDollar === null) return;
  const client = await scene.raw();
  client.send('SUB *.seen 1\r\nSUB $DATA.seen 2\r\nPUB $DATA.seen 1\r\nd\r\n');
  const text = (await client.pingPong()).toString();
  const sids = [...text.matchAll(/MSG \$DATA\.seen (\d) 1\r\nd\r\n/g)].map((match) => match[1]);
  assert.deepEqual(sids.sort(), row.probe.wildcardsMatchDollar ? ['1', '2'] : ['2']);
};

/** What gateways send among themselves is shown to nobody, not even to wildcards that match `$`. */
const probesAreHidden: Behaviour = async (scene, row) => {
  if (!hasWildcards(row)) return;
  const nats = await scene.nats();
  const everything = await collect(nats, '>');
  await scene.otherGateway({ upstream: { protocol_version: row.version } });
  nats.publish('visible', 'v');
  await everything.count(1);
  await nats.flush();
  const subjects = everything.messages.map(({ subject }) => subject);
  // nats-server shows what it says to itself under $JS and $MQTT, as it does to its own clients.
  assert.deepEqual(
    subjects.filter((subject) => !/^\$(JS|MQTT)\b/.test(subject)),
    ['visible'],
  );
  assert.equal(scene.gateway.logLines('message.dropped').length, 0);
};

/** Whether it says so (nats-server) or closes without a word (RabbitMQ): the operator reads what to change. */
const olderBrokersAreNamed: Behaviour = async (scene, row) => {
  if (row.speaksOnlyMqtt311 !== true) return;
  const gateway = await scene.otherGateway({ upstream: { protocol_version: 5, connect_timeout: '2s' } });
  const logged = gateway.logLines().filter(({ level }) => level === 'warn' || level === 'error');
  assert.deepEqual(
    logged.map(({ level, event, msg }) => [level, event, msg]),
    [['error', 'upstream.protocol_version', OLDER]],
  );
  const { broker } = gateway.gateway.status();
  assert.equal(broker?.probe.speaksOnlyMqtt311, true);
  assert.deepEqual(broker?.limitations, [{ id: 'protocol_version', severity: 'error', meaning: OLDER }]);
  const client = await scene.greeted(gateway);
  client.send('CONNECT {"verbose":false}\r\nPING\r\n');
  assert.equal((await client.closed()).leftover.toString(), '');
};

/** By what they say. The first one looks at a gateway that no client has used. */
export const KNOWLEDGE: Readonly<Record<string, Behaviour>> = {
  'the probe is right, and its warnings are logged once': probeIsRight,
  'the wrong version of MQTT is named': olderBrokersAreNamed,
};

/** By what they say. */
export const NAMES: Readonly<Record<string, Behaviour>> = {
  'subjects with $ are carried or refused': dollarSubjectsAreSafe,
  'names with a dot are carried or refused': dotsAreSafe,
  'wildcards are served or refused': wildcardsAreSafe,
  'wildcards and $ agree with the broker': wildcardsAndDollar,
  // Last: nats-server 2.9 stands still for 4 s when a session ends that was subscribed to everything.
  'what gateways say among themselves is hidden': probesAreHidden,
};
