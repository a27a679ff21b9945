import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LinkFeatures } from '../../../src/upstream/mqtt-link.ts';
import { type ProbeReport, UNKNOWN_REPORT } from '../../../src/upstream/probe/report.ts';
import { decide, type Strategy } from '../../../src/upstream/strategy.ts';

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
  receiveMaximum: 65_535,
  maxInflight: 65_535,
};
const V4: LinkFeatures = { ...V5, protocolVersion: 4, subscriptionIdentifiers: false };

const SAFE: Strategy = {
  overlap: 'identifiers',
  sharedSubscriptions: true,
  groupSessions: 'none',
  separatesQoS: false,
  wildcardsMatchDollar: false,
  acceptsDollarTopics: true,
  acceptsDots: true,
};
const SAFE_311: Strategy = { ...SAFE, overlap: 'single', sharedSubscriptions: false };

const ROWS: readonly [string, LinkFeatures, Partial<ProbeReport>, Strategy][] = [
  ['nothing known', V5, {}, SAFE],
  ['nothing known of 3.1.1: nobody has seen $share served', V4, {}, SAFE_311],
  [
    'CONNACK says no $share',
    { ...V5, sharedSubscriptions: false },
    {},
    { ...SAFE, sharedSubscriptions: false },
  ],
  ['$share not served', V5, { sharedSubscriptions: false }, { ...SAFE, sharedSubscriptions: false }],
  [
    '$share served on 3.1.1: without identifiers its copies look like plain ones',
    V4,
    { sharedSubscriptions: true, mixesSharedAndPlain: false },
    { ...SAFE_311, sharedSubscriptions: true, groupSessions: 'each' },
  ],
  ['shared and plain mixed', V5, { mixesSharedAndPlain: true }, { ...SAFE, groupSessions: 'one' }],
  [
    'mixed, but queue groups are formed here',
    V5,
    { mixesSharedAndPlain: true, sharedSubscriptions: false },
    { ...SAFE, sharedSubscriptions: false },
  ],
  ['copies', V5, { overlap: 'copies' }, { ...SAFE, overlap: 'copies', groupSessions: 'each' }],
  ['single on 5', V5, { overlap: 'single', splitsByQoS: false }, { ...SAFE, overlap: 'single' }],
  ['a copy for each QoS', V4, { splitsByQoS: true }, { ...SAFE_311, separatesQoS: true }],
  ['wildcards match $', V5, { wildcardsMatchDollar: true }, { ...SAFE, wildcardsMatchDollar: true }],
  ['$ works', V5, { dollarTopics: 'works', dots: 'works' }, SAFE],
  ['a dot is rewritten: it arrives, if elsewhere', V5, { dots: 'rewritten' }, SAFE],
  ['$ swallowed', V5, { dollarTopics: 'swallowed' }, { ...SAFE, acceptsDollarTopics: false }],
  ['$ unacknowledged', V5, { dollarTopics: 'unacknowledged' }, { ...SAFE, acceptsDollarTopics: false }],
  ['$ refused', V5, { dollarTopics: 'refused' }, { ...SAFE, acceptsDollarTopics: false }],
  ['$ disconnects', V5, { dollarTopics: 'disconnects' }, { ...SAFE, acceptsDollarTopics: false }],
  ['a dot disconnects', V4, { dots: 'disconnects' }, { ...SAFE_311, acceptsDots: false }],
];

for (const [what, features, answers, expected] of ROWS) {
  test(`strategy: ${what}`, () => {
    assert.deepEqual(decide(features, { ...UNKNOWN_REPORT, ...answers }), expected);
  });
}
