/** Sets authentication up and takes it down again, to find out whether the configuration works. Asks nobody. */
import { AuthCounters } from '../metrics/auth-counters.ts';
import { systemClock } from '../util/clock.ts';
import { silentLogger } from '../util/logger.ts';
import { AccessControl, type AccessSettings } from './access-control.ts';

/** @throws {GatewayError} `GW_CONFIG` when a method cannot be set up, or `no_auth_user` is nobody */
export async function checkAccess(settings: AccessSettings): Promise<void> {
  const access = new AccessControl(settings.authFailureDelayMs, {
    logger: silentLogger,
    clock: systemClock,
    counters: new AuthCounters(),
    subjectsOfFilter: () => null,
  });
  try {
    await access.load(settings);
  } finally {
    await access.close();
  }
}
