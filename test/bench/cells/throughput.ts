/**
 * The cells that measure what one message costs under full load.
 */
import type { Cell, Column, Target, Variant } from '../cell.ts';
import { ThroughputSubject } from '../drivers/throughput.ts';
import {
  type Direction,
  gatewayRig,
  naiveRig,
  natsServerMqttRig,
  natsServerRig,
  type OpenRig,
  type Path,
  PLAIN_PATH,
} from '../systems/rig.ts';
import type { MessageShape } from '../wire/templates.ts';

const COLUMNS: readonly Column[] = [
  { figure: 'us', title: 'µs/msg', digits: 3 },
  { figure: 'rate', title: 'msg/s', digits: 0 },
  { figure: 'share', title: 'core', digits: 2 },
  { figure: 'serverUs', title: '+nats-server µs', digits: 3 },
  { figure: 'brokerUs', title: 'broker µs', digits: 3 },
  { figure: 'sourceUs', title: 'source µs', digits: 3 },
  { figure: 'sinkUs', title: 'sink µs', digits: 3 },
];

const SYSTEMS = {
  gateway: gatewayRig({}),
  'gateway-documented': gatewayRig({ fast_path: false }),
  'gateway-pooled': gatewayRig({ mode: 'pooled' }),
  naive: naiveRig,
  'nats-server': natsServerRig,
  'nats-server-mqtt': natsServerMqttRig,
} as const satisfies Record<string, OpenRig>;

type System = keyof typeof SYSTEMS;

const PEERS: readonly System[] = ['gateway', 'gateway-documented', 'naive', 'nats-server'];
const BOTH_PATHS: readonly System[] = ['gateway', 'gateway-documented'];
const PLAIN = 'gateway-plain';

const variant = (name: string, system: System, path: Path): Variant => ({
  name,
  open: (timing) => ThroughputSubject.open(SYSTEMS[system], path, timing),
});

const variants = (systems: readonly System[], path: Path): Variant[] =>
  systems.map((system) => variant(system, system, path));

const WAYS: Readonly<Record<Direction, string>> = {
  ingress: 'NATS to MQTT',
  egress: 'MQTT to NATS',
  roundtrip: 'NATS to MQTT to NATS',
};

function titleOf({ direction, broker, shape, receivers, verbose }: Path): string {
  return [
    WAYS[direction],
    broker === 'stub' ? 'stub broker' : 'Mosquitto',
    `${shape.payloadBytes.toLocaleString('en')} B`,
    verbose ? 'QoS 1, +OK after PUBACK' : 'QoS 0',
    ...(shape.headers > 0 ? [`${shape.headers} headers`] : []),
    ...(receivers > 1 ? [`to each of ${receivers} clients, per delivery`] : []),
  ].join(', ');
}

interface CellOptions {
  readonly name: string;
  readonly path: Partial<Path>;
  readonly systems?: readonly System[];
  readonly more?: (path: Path) => readonly Variant[];
  readonly targets?: readonly Target[];
}

function cell({ name, path: parts, systems = PEERS, more = () => [], targets = [] }: CellOptions): Cell {
  const path = { ...PLAIN_PATH, ...parts };
  const all = [...variants(systems, path), ...more(path)];
  return { name, title: titleOf(path), columns: COLUMNS, variants: all, targets };
}

const us = (comparedTo: string, atMost: number, of = 'gateway'): Target => ({
  figure: 'us',
  of,
  comparedTo,
  atMost,
});
const rate = (comparedTo: string, atLeast: number): Target => ({
  figure: 'rate',
  of: 'gateway',
  comparedTo,
  atLeast,
});
const usAbsolute = (atMost: number): Target => ({ figure: 'us', of: 'gateway', atMost });
const STRETCH: Target = { ...us('nats-server', 1), isStretch: true };

/** The gateway without headers, in the same rounds. */
const plainBeside = (path: Path): Variant[] => [
  variant(PLAIN, 'gateway', { ...path, shape: { ...path.shape, headers: 0 } }),
];

const withHeaders = { ...PLAIN_PATH.shape, headers: 2 };
const payload = (payloadBytes: number): MessageShape => ({ ...PLAIN_PATH.shape, payloadBytes });

const ON_THE_STUB: readonly CellOptions[] = [
  {
    name: 'ingress-128',
    path: { direction: 'ingress' },
    systems: [...PEERS, 'nats-server-mqtt'],
    targets: [usAbsolute(0.45), us('naive', 1 / 10), STRETCH],
  },
  {
    name: 'egress-128',
    path: { direction: 'egress' },
    systems: [...PEERS, 'nats-server-mqtt'],
    targets: [usAbsolute(0.5), us('naive', 1 / 5), STRETCH],
  },
  {
    name: 'roundtrip-128',
    path: { direction: 'roundtrip' },
    targets: [usAbsolute(0.9), us('nats-server', 2.5), STRETCH],
  },
  ...(['ingress', 'egress', 'roundtrip'] as const).map((direction) => ({
    name: `${direction}-128-headers`,
    path: { direction, shape: withHeaders },
    more: plainBeside,
    targets: [us(PLAIN, 2)],
  })),
  {
    name: 'ingress-1k',
    path: { direction: 'ingress', shape: payload(1024) },
    targets: [us('naive', 0.6)],
  },
  { name: 'egress-1k', path: { direction: 'egress', shape: payload(1024) }, targets: [us('naive', 0.8)] },
  { name: 'ingress-16k', path: { direction: 'ingress', shape: payload(16_384) } },
  { name: 'egress-16k', path: { direction: 'egress', shape: payload(16_384) } },
  { name: 'qos1-128', path: { verbose: true }, systems: BOTH_PATHS, targets: [usAbsolute(1)] },
];

const ON_MOSQUITTO: readonly CellOptions[] = [
  {
    name: 'mosquitto-ingress-128',
    path: { direction: 'ingress', broker: 'mosquitto' },
    systems: ['gateway', 'gateway-documented', 'naive'],
    targets: [rate('naive', 0.9)],
  },
  {
    name: 'mosquitto-egress-128',
    path: { direction: 'egress', broker: 'mosquitto' },
    systems: ['gateway', 'gateway-documented', 'naive'],
    targets: [rate('gateway-documented', 1.15), us('gateway-documented', 0.6)],
  },
  {
    name: 'mosquitto-qos1-128',
    path: { broker: 'mosquitto', verbose: true },
    systems: BOTH_PATHS,
    targets: [rate('gateway-documented', 0.9)],
  },
];

const FAN_OUT: CellOptions = {
  name: 'fan-out-100',
  path: { direction: 'roundtrip', receivers: 100 },
  systems: ['gateway-pooled', 'gateway', 'nats-server', 'nats-server-mqtt'],
  targets: [us('nats-server', 1, 'gateway-pooled')],
};

/** See the head of the file. */
export const THROUGHPUT_CELLS: readonly Cell[] = [...ON_THE_STUB, ...ON_MOSQUITTO, FAN_OUT].map(cell);
