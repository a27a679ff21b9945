/**
 * The ways of working that the integration and fault suites run in: the mode, and which of the two paths messages take.
 * One run is in one variant, named by NMG_TEST_VARIANT; see run-tests.ts. Tests that are about one of them say so here.
 */
import { test } from 'node:test';

/** A way of working. */
export interface Variant {
  readonly mode: 'per_client' | 'pooled';
  /** Null: whatever the program does by default. */
  readonly fastPath: boolean | null;
}

/** Parts of a variant's name, separated by commas; what is left out has its default. */
const PARTS: Readonly<Record<string, Partial<Variant>>> = {
  per_client: { mode: 'per_client' },
  pooled: { mode: 'pooled' },
  fast_path: { fastPath: true },
  documented_api: { fastPath: false },
};

/**
 * @param name such as `pooled` or `pooled,documented_api`; empty for the default
 * @throws {Error} naming the parts there are
 */
export function parseVariant(name: string): Variant {
  const parts = name.split(',').filter((part) => part !== '');
  const unknown = parts.filter((part) => !Object.hasOwn(PARTS, part));
  if (unknown.length > 0) {
    throw new Error(`unknown variant ${unknown.join(', ')}; its parts are ${Object.keys(PARTS).join(', ')}`);
  }
  const chosen = parts.map((part) => PARTS[part]);
  return Object.assign({ mode: 'per_client', fastPath: null }, ...chosen) as Variant;
}

/** The variant of this process. */
const VARIANT: Variant = parseVariant(process.env.NMG_TEST_VARIANT ?? '');

/** Settings below `upstream` that make a gateway work in this variant. */
export const VARIANT_SETTINGS: Readonly<Record<string, unknown>> = {
  mode: VARIANT.mode,
  ...(VARIANT.fastPath !== null && { fast_path: VARIANT.fastPath }),
};

/** Clients share sessions of the gateway's own. */
export const isPooled = VARIANT.mode === 'pooled';

/** Registers a test in the variants with this mode only; in others there is no such test. */
export function testIn(mode: Variant['mode'], name: string, run: () => Promise<void> | void): void {
  if (VARIANT.mode === mode) test(name, run);
}
