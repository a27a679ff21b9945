/** What may be written down of an error that nobody expected. */

/** Without the message: that of a JSON error, for one, quotes the input, and CONNECT holds passwords. */
export function describeBug(error: unknown): { error_type: string; stack: string } {
  if (!(error instanceof Error)) return { error_type: typeof error, stack: '' };
  const lines = (error.stack ?? '').split('\n');
  return { error_type: error.name, stack: lines.filter((line) => line.startsWith('    at ')).join('\n') };
}
