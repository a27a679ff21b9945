/** A primary in the process of the test, with real workers, configured the way an operator does it. */
import { Writable } from 'node:stream';
import { createCluster } from '../../../src/cli/cluster.ts';
import type { ClusterGateway } from '../../../src/cluster/primary.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { createLogOutput } from '../../../src/util/logger.ts';
import { type GatewaySettings, type LogLine, parseLogLines, writeSettings } from '../../support/gateway.ts';

/** A started primary. */
export interface RunningCluster {
  readonly control: ClusterGateway;
  readonly port: number;
  logLines(event: string): LogLine[];
  stop(): Promise<void>;
}

/** Once per process: node:cluster has one set of settings. */
export async function startCluster(settings: GatewaySettings): Promise<RunningCluster> {
  const { file, remove } = await writeSettings(settings);
  let text = '';
  const destination = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  const output = await createLogOutput({ level: 'info', format: 'json', destination });
  try {
    const control = createCluster(output)(loadConfig({ file, env: {}, flags: {} }));
    await control.start();
    return {
      control,
      port: control.addresses()[0]?.port ?? 0,
      logLines: (event) => parseLogLines(text).filter((line) => line.event === event),
      stop: () => control.stop({ drain: false }),
    };
  } finally {
    await remove();
  }
}
