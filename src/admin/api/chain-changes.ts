/** Changes of the list of authentication methods, as new texts of the configuration file. Pure. */
import { treeOfText, withOrderInText } from '../../config/edit.ts';
import type { MethodValues } from '../api-types.ts';
import { ProblemError } from '../problem.ts';
import { changedText, refuseLocked } from './setting-changes.ts';
import type { CurrentSettings } from './settings-editor.ts';

const NAME = 'authentication';

/** The methods as they stand in the file. */
export function chainOf({ text }: Pick<CurrentSettings, 'text'>): readonly MethodValues[] {
  const list = treeOfText(text === '' ? '{}' : text)[NAME];
  return Array.isArray(list) ? (list as MethodValues[]) : [];
}

/** @throws {ProblemError} as {@link changedText}, and what `change` throws */
export function changedChain(
  current: CurrentSettings,
  change: (chain: readonly MethodValues[]) => readonly MethodValues[],
): string {
  refuseLocked([NAME], current.loaded);
  return changedText(current, { [NAME]: change(chainOf(current)) });
}

/** Methods keep their comments. @throws {ProblemError} 400 when the order is not one of all methods */
export function reorderedChain(current: CurrentSettings, order: readonly number[]): string {
  refuseLocked([NAME], current.loaded);
  const { length } = chainOf(current);
  const isOrder = order.length === length && [...order].sort((a, b) => a - b).every((one, i) => one === i);
  if (!isOrder) {
    const message = `must name each of the ${length} positions once`;
    throw new ProblemError(400, `order ${message}`, { errors: [{ path: 'order', message }] });
  }
  return withOrderInText(current.text, [NAME], order);
}
