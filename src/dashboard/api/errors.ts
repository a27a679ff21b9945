/** What can go wrong with a request, as the pages tell it apart. */
import type { Problem } from '../../admin/api-types.ts';

/** The value that a message begins with; the field shows it already. Long ones end in `…`. */
const SHOWN_VALUE = /^= (?:"(?:[^"\\…]|\\.)*["…]|\(hidden\)|[\w.+-]+) /;

/** The gateway has answered, and the answer is no. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail ?? problem.title);
    this.problem = problem;
  }

  /** What is wrong with which setting, by its path. */
  get fieldErrors(): ReadonlyMap<string, string> {
    return new Map(
      (this.problem.errors ?? []).map(({ path, message }) => [path, message.replace(SHOWN_VALUE, '')]),
    );
  }
}

/** There was no answer of a gateway: it is stopped, restarts, or the network is gone. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';

  constructor(cause: unknown) {
    super('The gateway does not answer.', { cause });
  }
}

/** Statuses with which a proxy says that there is nobody behind it. */
const GATEWAY_GONE: ReadonlySet<number> = new Set([502, 503, 504]);

/** @returns the error that an answer other than 2xx stands for */
export async function errorOf(response: Response): Promise<Error> {
  const type = response.headers.get('content-type') ?? '';
  if (/\bjson\b/.test(type)) {
    const body: unknown = await response.json();
    if (isProblem(body)) return new ApiError(body);
  }
  if (GATEWAY_GONE.has(response.status)) return new UnreachableError(response.statusText);
  return new ApiError({
    type: 'about:blank',
    title: `The gateway answered ${response.status} ${response.statusText}`.trim(),
    status: response.status,
  });
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'title' in body && 'status' in body;
}

/** @returns a sentence for people */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
