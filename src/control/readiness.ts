/** Why a gateway is not ready although nothing is wrong with it. Pure. */
import type { Readiness } from './gateway-control.ts';

/** `lame_duck`: clients are sent away. `closed`: it stops, or has stopped. */
export type Phase = 'starting' | 'serving' | 'lame_duck' | 'closed';

const WORDS: Readonly<Record<Exclude<Phase, 'serving'>, string>> = {
  starting: 'the gateway is starting',
  lame_duck: 'the gateway sends its clients elsewhere before it stops (lame duck)',
  closed: 'the gateway is stopping',
};

/** The answer of a gateway that serves nobody anew. */
export function unready(phase: Exclude<Phase, 'serving'>): Readiness {
  return { isReady: false, reasons: [WORDS[phase]], isLameDuck: phase === 'lame_duck' };
}

/** How the sentence begins that says that the broker is away; what follows says why. */
export const BROKER_AWAY = 'the broker cannot be reached';
