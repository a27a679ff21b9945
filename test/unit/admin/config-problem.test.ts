import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asProblem } from '../../../src/admin/api/config-problem.ts';
import { ProblemError } from '../../../src/admin/problem.ts';
import { Problems } from '../../../src/config/problems.ts';

/** What the API says of a configuration with these problems. */
function told(...list: readonly (readonly [key: string, origin: string, message: string])[]): ProblemError {
  const problems = new Problems();
  for (const one of list) problems.add(...one);
  try {
    problems.throwIfAny();
  } catch (error) {
    const problem = asProblem(error, 409, 'it cannot be taken over');
    assert.ok(problem instanceof ProblemError);
    return problem;
  }
  assert.fail('nothing was thrown');
}

test('configuration problem: says what is wrong and, where no setting is to blame, where', () => {
  const one = told(['', 'config.json:3', 'not valid JSON: value expected']);
  assert.equal(one.message, 'it cannot be taken over: config.json:3: not valid JSON: value expected');
  assert.deepEqual(one.errors, [{ path: '', message: 'not valid JSON: value expected' }]);
  const two = told(['', 'config.json:1', 'unexpected end'], ['max_payload', 'config.json:2', 'is wrong']);
  assert.equal(two.message, 'it cannot be taken over: config.json:1: unexpected end; max_payload is wrong');
});

test('configuration problem: tells the first three in words, and all in the list', () => {
  const many = told(...['a', 'b', 'c', 'd', 'e'].map((key) => [key, 'f', `${key} = 1 is wrong`] as const));
  assert.equal(
    many.message,
    'it cannot be taken over: a = 1 is wrong; b = 1 is wrong; c = 1 is wrong; and 2 more',
  );
  assert.equal(many.errors?.length, 5);
});

test('configuration problem: an error of another kind stays what it is', () => {
  const error = new Error('EIO');
  assert.equal(asProblem(error, 409, 'words'), error);
});
