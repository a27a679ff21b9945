/**
 * Request and reply between two NATS clients: how long the answer takes.
 */
import type { Cell, Target, Variant } from '../cell.ts';
import { LatencySubject, type OpenSystem } from '../drivers/latency.ts';
import { startGateway, type UpstreamSettings } from '../systems/gateway.ts';
import { mosquitto, natsServer } from '../systems/programs.ts';

const FLOOD_RATE = 30_000;
const NO_DELAY = 'set_tcp_nodelay true';

const gatewayOnMosquitto =
  (configuration: string, settings: UpstreamSettings): OpenSystem =>
  async (cleanup) => {
    const broker = await mosquitto(cleanup, configuration);
    return cleanup.add(await startGateway(broker.port, settings), (one) => one.stop()).port;
  };

const natsServerAlone: OpenSystem = async (cleanup) => (await natsServer(cleanup)).port;

const variant = (name: string, system: OpenSystem, floodRate = 0): Variant => ({
  name,
  open: (timing) => LatencySubject.open(system, floodRate, timing),
});

const p50 = (of: string): Target => ({ figure: 'p50', of, comparedTo: 'nats-server', atMost: 2.5 });
const underFlood = (figure: string, atMost: number): Target => ({ figure, of: 'gateway-flood', atMost });

/** See the head of the file. */
export const LATENCY_CELLS: readonly Cell[] = [
  {
    name: 'request-reply',
    title: `Request and reply, Mosquitto as it comes (nodelay: with ${NO_DELAY}; flood: ${FLOOD_RATE.toLocaleString('en')} msg/s beside)`,
    columns: [
      { figure: 'p50', title: 'p50 ms', digits: 3 },
      { figure: 'p99', title: 'p99 ms', digits: 3 },
      { figure: 'max', title: 'max ms', digits: 2 },
      { figure: 'requests', title: 'requests', digits: 0 },
    ],
    variants: [
      variant('gateway', gatewayOnMosquitto('', {})),
      variant('gateway-documented', gatewayOnMosquitto('', { fast_path: false })),
      variant('gateway-pooled', gatewayOnMosquitto('', { mode: 'pooled' })),
      variant('gateway-nodelay', gatewayOnMosquitto(NO_DELAY, {})),
      variant('nats-server', natsServerAlone),
      variant('gateway-flood', gatewayOnMosquitto('', {}), FLOOD_RATE),
      variant('nats-server-flood', natsServerAlone, FLOOD_RATE),
    ],
    targets: [p50('gateway'), p50('gateway-nodelay'), underFlood('p99', 5), underFlood('max', 20)],
  },
];
