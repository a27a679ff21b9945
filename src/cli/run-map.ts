/** Wires the `map` subcommand: the mapping of the configuration in effect, as flags may have changed it. */

import type { LoadedSettings } from '../config/settings-source.ts';
import { createNameMapper } from '../translation/subject-topic.ts';
import type { Invocation } from './arguments.ts';
import { type MapCommandResult, mapCommand } from './map.ts';

/** Runs `map NAME`. Variables in the mountpoint are shown as they are: they differ from client to client. */
export function runMap(invocation: Invocation, { config }: LoadedSettings): MapCommandResult {
  const { profile, escapeDollar, allowDollar, maxLevels, maxTopicBytes } = config.mapping;
  const mapper = createNameMapper({
    profile,
    escapeDollar,
    allowDollar,
    maxLevels,
    maxTopicBytes,
    mountpoint: config.mountpoint,
  });
  return mapCommand({ name: invocation.names[0] ?? '', reverse: invocation.isReverse, mapper, profile });
}
