/** A method `built_in` that is to have a users file which is not there yet. */
import { existsSync, rmSync } from 'node:fs';
import { changeUsersFile } from '../../auth/users-file.ts';
import type { MethodValues } from '../api-types.ts';
import { asProblem } from './config-problem.ts';

/**
 * Makes the file, as the command `users` does, and takes it away again when the method is not taken over.
 * @param method as it is to be saved
 * @param save saves the method
 * @throws {ProblemError} 409 when the file cannot be made, and what `save` throws
 */
export async function withUsersFile<T>(method: MethodValues, save: () => Promise<T>): Promise<T> {
  const { users_file: file } = method;
  const isMissing =
    method.method === 'built_in' && typeof file === 'string' && file !== '' && !existsSync(file);
  if (!isMissing) return await save();
  try {
    changeUsersFile(file, (users) => users);
  } catch (error) {
    throw asProblem(error, 409, 'the method cannot be saved');
  }
  try {
    return await save();
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  }
}
