/**
 * The cells that measure what one message costs under full load.
 */
import type { Cell, Column, Target, Variant } from '../cell.ts';
import { ThroughputSubject } from '../drivers/throughput.ts';
import {
  type Direction,
  gatewayRig,
  naiveRig,
  natsServerRig,
  type OpenRig,
  type Path,
} from '../systems/rig.ts';
import type { MessageShape } from '../wire/templates.ts';

const COLUMNS: readonly Column[] = [
  { figure: 'us', title: 'µs/msg', digits: 3 },
  { figure: 'besideUs', title: '+server', digits: 3 },
  { figure: 'rate', title: 'msg/s', digits: 0 },
  { figure: 'share', title: 'core', digits: 2 },
  { figure: 'sourceUs', title: 'source µs', digits: 3 },
  { figure: 'sinkUs', title: 'sink µs', digits: 3 },
];

const SYSTEMS: Readonly<Record<string, OpenRig>> = {
  gateway: gatewayRig({}),
  'gateway-documented': gatewayRig({ fast_path: false }),
  naive: naiveRig,
  'nats-server': natsServerRig,
};

function variantsOf(path: Path): Variant[] {
  return Object.entries(SYSTEMS).map(([name, openRig]) => ({
    name,
    open: (timing) => ThroughputSubject.open(openRig, path, timing),
  }));
}

const DIRECTIONS: Readonly<Record<Direction, string>> = {
  ingress: 'NATS to MQTT',
  egress: 'MQTT to NATS',
  roundtrip: 'NATS to MQTT to NATS',
};

function cell(name: string, direction: Direction, shape: MessageShape, targets: readonly Target[]): Cell {
  const path: Path = { direction, shape, receivers: 1, fault: null };
  return {
    name,
    title: `${DIRECTIONS[direction]}, stub broker, ${shape.payloadBytes} B, QoS 0`,
    columns: COLUMNS,
    variants: variantsOf(path),
    targets,
  };
}

const SMALL: MessageShape = { payloadBytes: 128, headers: 0 };
const gatewayUs = (atMost: number): Target => ({ figure: 'us', of: 'gateway', atMost });
const usRatio = (comparedTo: string, atMost: number): Target => ({
  figure: 'us',
  of: 'gateway',
  comparedTo,
  atMost,
});
const STRETCH: Target = { ...usRatio('nats-server', 1), isStretch: true };

/** See the head of the file. */
export const THROUGHPUT_CELLS: readonly Cell[] = [
  cell('ingress-128', 'ingress', SMALL, [gatewayUs(0.45), usRatio('naive', 1 / 10), STRETCH]),
  cell('egress-128', 'egress', SMALL, [gatewayUs(0.5), usRatio('naive', 1 / 5), STRETCH]),
  cell('roundtrip-128', 'roundtrip', SMALL, [gatewayUs(0.9), usRatio('nats-server', 2.5), STRETCH]),
];
