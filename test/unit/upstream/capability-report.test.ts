import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capabilityReport, type Known } from '../../../src/upstream/capability-report.ts';
import type { LinkFeatures } from '../../../src/upstream/mqtt-link.ts';
import { type ProbeReport, UNKNOWN_REPORT } from '../../../src/upstream/probe/report.ts';
import { decide } from '../../../src/upstream/strategy.ts';

const V5: LinkFeatures = {
  protocolVersion: 5,
  maximumPacketBytes: Number.POSITIVE_INFINITY,
  retainAvailable: true,
  maximumQoS: 2,
  wildcardSubscriptions: true,
  sharedSubscriptions: true,
  isSettled: true,
  acceptsDollarTopics: true,
  acceptsDots: true,
  takesWireProperties: true,
  subscriptionIdentifiers: true,
  receiveMaximum: 20,
  maxInflight: 20,
};

const GOOD: ProbeReport = {
  ...UNKNOWN_REPORT,
  requiresCredentials: false,
  speaksOnlyMqtt311: false,
  noMatchingSubscribers: true,
  overlap: 'identifiers',
  sharedSubscriptions: true,
  mixesSharedAndPlain: false,
  dollarTopics: 'works',
  dots: 'works',
  delaysSmallWrites: false,
};

function known(
  features: Partial<LinkFeatures>,
  answers: Partial<ProbeReport>,
  usesDollarTopics = true,
): Known {
  const all = { ...V5, ...features };
  const report = { ...GOOD, ...answers };
  const { protocolVersion } = all;
  const strategy = decide(all, report);
  return { protocolVersion, features: all, strategy, report, isProbed: true, usesDollarTopics };
}

const ROWS: readonly [string, Known, Record<string, RegExp>][] = [
  ['nothing missing', known({}, {}), {}],
  [
    'MQTT 3.1.1 with $share',
    known(
      { protocolVersion: 4, subscriptionIdentifiers: false },
      { overlap: 'single', noMatchingSubscribers: false },
    ),
    {
      degraded: /no headers.*no 503/,
      no_identifiers: /retained/,
      shared_and_plain_mixed: /sessions of their own/,
    },
  ],
  [
    'no $share',
    known({ sharedSubscriptions: false }, {}),
    { no_shared_subscriptions: /within this gateway/ },
  ],
  ['0x10 never', known({}, { noMatchingSubscribers: false }), { requests_time_out: /time out/ }],
  ['0x10 unknown', known({}, { noMatchingSubscribers: null }), {}],
  [
    '$ swallowed',
    known({}, { dollarTopics: 'swallowed' }),
    { dollar_topics: /swallows.*mapping\.escape_dollar/ },
  ],
  [
    '$ disconnects',
    known({}, { dollarTopics: 'disconnects' }),
    { dollar_topics: /disconnects publishers of/ },
  ],
  [
    '$ unacknowledged',
    known({}, { dollarTopics: 'unacknowledged' }),
    { dollar_topics: /without an acknowledgement/ },
  ],
  ['$ swallowed, but nobody gets there', known({}, { dollarTopics: 'swallowed' }, false), {}],
  ['a dot rewritten', known({}, { dots: 'rewritten' }), { dots_in_levels: /changes.*arrives under another/ }],
  ['a dot disconnects', known({}, { dots: 'disconnects' }), { dots_in_levels: /disconnects.*refused/ }],
  ['no wildcards', known({ wildcardSubscriptions: false }, {}), { no_wildcards: /\* or > are refused/ }],
  ['QoS 0 only', known({ maximumQoS: 0 }, {}), { no_qos_1: /\+OK/ }],
  ['no retain', known({ retainAvailable: false }, {}), { no_retain: /retains no messages/ }],
  ['mixed up', known({}, { mixesSharedAndPlain: true }), { shared_and_plain_mixed: /queue groups/ }],
  ['wildcards match $', known({}, { wildcardsMatchDollar: true }), { wildcards_match_dollar: /\$/ }],
  ['small writes delayed', known({}, { delaysSmallWrites: true }), { delayed_writes: /40 ms/ }],
  [
    'only 3.1.1',
    { ...known({}, { speaksOnlyMqtt311: true }), features: null, strategy: null },
    { protocol_version: /^the broker speaks only MQTT 3\.1\.1: set upstream\.protocol_version to 4$/ },
  ],
  ['no CONNACK yet', { ...known({}, {}), features: null, strategy: null }, {}],
];

for (const [what, given, expected] of ROWS) {
  test(`capability report: ${what}`, () => {
    const { limitations } = capabilityReport(given);
    assert.deepEqual(
      limitations.map(({ id }) => id),
      Object.keys(expected),
    );
    for (const { id, meaning } of limitations) assert.match(meaning, expected[id] as RegExp);
  });
}

test('capability report: shows what CONNACK has said, and survives JSON', () => {
  const report = capabilityReport(known({ maximumPacketBytes: 1_000, maximumQoS: 1 }, {}));
  assert.deepEqual(report.limits, {
    maximumPacketBytes: 1_000,
    maximumQoS: 1,
    receiveMaximum: 20,
    retain: true,
    wildcardSubscriptions: true,
    sharedSubscriptions: true,
    subscriptionIdentifiers: true,
  });
  const unlimited = capabilityReport(known({}, {}));
  assert.equal(unlimited.limits?.maximumPacketBytes, null);
  assert.deepEqual(JSON.parse(JSON.stringify(unlimited)), unlimited);
});
