/** What is wrong with a configuration, as a problem of the API. Pure. */
import type { Problem as ConfigProblem } from '../../config/problems.ts';
import { GatewayError } from '../../errors.ts';
import { ProblemError } from '../problem.ts';

/**
 * @param words what could not be done
 * @returns the error itself where the configuration is not to blame
 */
export function asProblem(error: unknown, status: number, words: string): unknown {
  if (!(error instanceof GatewayError) || error.code !== 'GW_CONFIG') return error;
  const problems = (error.context.problems ?? []) as readonly ConfigProblem[];
  if (problems.length === 0) return new ProblemError(status, `${words}: ${error.message}`);
  const errors = problems.map(({ key, message }) => ({ path: key, message }));
  const [first] = errors;
  const named = errors.map(({ path }) => path).filter((path) => path !== '');
  const detail = errors.length === 1 ? `${first?.path} ${first?.message}`.trim() : named.join(', ');
  return new ProblemError(status, `${words}: ${detail}`, { errors });
}
