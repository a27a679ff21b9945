/** Makes a configuration unchangeable. Knows no setting. */

/** Freezes plain data to its depths. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null)
    for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
