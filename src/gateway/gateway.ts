/** A gateway as its users see it: programs that embed it, the command line, and the workers of a cluster. Types only. */
import type { Config } from '../config/config.ts';
import type { GatewayControl, ReloadResult } from '../control/gateway-control.ts';
import type { Counters } from '../metrics/counters.ts';
import type { ProcessFigures } from '../metrics/process-figures.ts';
import type { SubscriptionCounts } from '../metrics/subscription-gauge.ts';
import type { UpstreamUsage } from '../metrics/upstream-usage.ts';
import type { Admission } from '../transport/admission.ts';
import type { ListenerAddress } from '../transport/listener.ts';
import type { CapabilityReport } from '../upstream/capability-report.ts';
import type { RecoveryPeers } from '../upstream/recovery.ts';
import type { Logger } from '../util/logger.ts';

/** Optional parts of a gateway. */
export interface GatewayOptions {
  /** Nothing is logged when left out. */
  readonly logger?: Logger;
  /** Of a gateway that shares its addresses with other processes; left out: it is the only one. */
  readonly place?: WorkerPlace;
}

/** What the processes of one gateway agree on. */
export interface WorkerPlace {
  /** In INFO of all of them. */
  readonly serverId: string;
  /** The first connection id is one more. */
  readonly cidBase: number;
  readonly admission: Admission;
  readonly peers: RecoveryPeers;
}

/** How a gateway is stopped. */
export interface StopOptions {
  /** Wait, within `shutdown_timeout`, until the broker has acknowledged what clients have published. */
  readonly drain?: boolean;
}

/** A snapshot of what a gateway is doing. */
export interface GatewayStatus {
  readonly connections: number;
  readonly subscriptions: SubscriptionCounts;
  readonly upstream: UpstreamUsage;
  readonly pendingBytes: number;
  readonly process: ProcessFigures;
  /** What the broker can do, and what that means for clients; null before the start. */
  readonly broker: CapabilityReport | null;
  readonly counters: Counters;
}

/** A gateway between NATS clients and one MQTT broker. */
export interface Gateway extends Omit<GatewayControl, 'reload'> {
  /**
   * To be called once.
   * @throws {GatewayError} `GW_LISTEN` when an address cannot be used; nothing is left running then
   */
  start(): Promise<void>;
  /** Idempotent; ends in bounded time and leaves neither sockets nor timers. */
  stop(options?: StopOptions): Promise<void>;
  /**
   * Looks at all certificates, keys and authorities now; changed files are noticed within seconds anyway.
   * @returns whether what the files hold is in force everywhere; if not, the old stays and the log says why
   */
  reloadCertificates(): Promise<boolean>;
  /**
   * Takes over all that can be changed while it runs; connected clients are checked once more, and those stay that can.
   * @param onTaken called when everything is in force, before connected clients are checked
   * @returns which settings were taken over, and which wait for a restart
   * @throws {GatewayError} `GW_CONFIG` when something cannot be; nothing has changed then
   */
  reload(config: Config, onTaken?: () => void): Promise<ReloadResult>;
  readonly isLameDuck: boolean;
  /** Settles when a lame duck has no clients any more; whoever runs the gateway should stop it then. */
  readonly retired: Promise<void>;
  /** Ends clients that are too many, with the error that says so. */
  endSurplus(cids: readonly number[]): void;
  /** Where clients connect; with the real ports once started. */
  addresses(): ListenerAddress[];
  status(): GatewayStatus;
}
