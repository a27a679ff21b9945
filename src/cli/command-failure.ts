/** A command could not do what it was asked to: the message says why, and the exit code is 1. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
}
