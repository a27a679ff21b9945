/** What is wrong with a configuration, as a problem of the API. Pure. */
import type { Problem as ConfigProblem } from '../../config/problems.ts';
import { GatewayError } from '../../errors.ts';
import { ProblemError } from '../problem.ts';

/** How many of the things that are wrong are told in words; `errors` has all. */
const SHOWN = 3;

/**
 * @param words what could not be done
 * @returns the error itself where the configuration is not to blame
 */
export function asProblem(error: unknown, status: number, words: string): unknown {
  if (!(error instanceof GatewayError) || error.code !== 'GW_CONFIG') return error;
  const problems = (error.context.problems ?? []) as readonly ConfigProblem[];
  if (problems.length === 0) return new ProblemError(status, `${words}: ${error.message}`);
  const errors = problems.map(({ key, message }) => ({ path: key, message }));
  const more = problems.length > SHOWN ? `; and ${problems.length - SHOWN} more` : '';
  const detail = problems.slice(0, SHOWN).map(sentenceFor).join('; ') + more;
  return new ProblemError(status, `${words}: ${detail}`, { errors });
}

/** Where no setting is to blame, the place in the file says where to look. */
function sentenceFor({ key, origin, message }: ConfigProblem): string {
  if (key === '') return `${origin}: ${message}`;
  return message.startsWith(key) ? message : `${key} ${message}`;
}
