/**
 * The cells about connections and starts: what is paid before the first message.
 */
import type { Cell, Column, Variant } from '../cell.ts';
import { IdleSubject, type PrepareServer } from '../drivers/idle.ts';
import { StartUpSubject } from '../drivers/start-up.ts';
import { openBroker } from '../systems/brokers.ts';
import { requireSettings, startGateway, type UpstreamSettings } from '../systems/gateway.ts';
import { natsServer } from '../systems/programs.ts';

const COLUMNS: readonly Column[] = [
  { figure: 'kb', title: 'KB each', digits: 1 },
  { figure: 'rate', title: 'connects/s', digits: 0 },
  { figure: 'connectUs', title: 'µs/connect', digits: 0 },
];

const gateway =
  (settings: UpstreamSettings): PrepareServer =>
  async (cleanup) => {
    requireSettings(settings);
    const broker = await openBroker('stub', null, cleanup);
    return async (round) => round.add(await startGateway(broker.port, settings), (one) => one.stop());
  };

const peer: PrepareServer = async () => natsServer;

const variant = (
  name: string,
  prepare: PrepareServer,
  clients: number,
  socketsPerClient: number,
): Variant => ({
  name,
  open: () => IdleSubject.open(prepare, { clients, socketsPerClient }),
});

const startUp = (name: string, settings: UpstreamSettings): Variant => ({
  name,
  open: () => StartUpSubject.open(settings),
});

/** See the head of the file. */
export const CONNECTION_CELLS: readonly Cell[] = [
  {
    name: 'idle-pooled',
    title: '10,000 idle connections, pooled mode, stub broker',
    columns: COLUMNS,
    variants: [
      variant('gateway-pooled', gateway({ mode: 'pooled' }), 10_000, 1),
      variant('nats-server', peer, 10_000, 1),
    ],
    targets: [
      { figure: 'kb', of: 'gateway-pooled', atMost: 15 },
      { figure: 'rate', of: 'gateway-pooled', atLeast: 5_000 },
    ],
  },
  {
    name: 'idle-per-client',
    title: '5,000 idle connections, each with its own MQTT session, stub broker',
    columns: COLUMNS,
    variants: [
      variant('gateway', gateway({}), 5_000, 2),
      variant('gateway-documented', gateway({ fast_path: false }), 5_000, 2),
    ],
    targets: [
      { figure: 'kb', of: 'gateway', atMost: 45 },
      { figure: 'rate', of: 'gateway', atLeast: 1_000 },
    ],
  },
  {
    name: 'start-up',
    title: 'From the start of the process to LISTEN, and memory when idle',
    columns: [
      { figure: 'listenMs', title: 'LISTEN ms', digits: 0 },
      { figure: 'mb', title: 'MB', digits: 1 },
    ],
    variants: [startUp('gateway', {}), startUp('gateway-pooled', { mode: 'pooled' })],
    targets: [
      { figure: 'listenMs', of: 'gateway', atMost: 400 },
      { figure: 'mb', of: 'gateway', atMost: 80 },
    ],
  },
];
