/**
 * The record of a run: everything that was measured, as JSON.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { CellResult } from '../run-cell.ts';
import type { Machine } from './machine.ts';
import type { Verdict } from './verdicts.ts';

/** A cell with the judgement of its targets. */
export interface JudgedCell extends CellResult {
  readonly verdicts: readonly Verdict[];
}

/** See the head of the file. */
export interface Report {
  readonly machine: Machine;
  readonly rounds: number;
  readonly windowMs: number;
  readonly warmUpMs: number;
  readonly cells: readonly JudgedCell[];
}

/** Writes a report; what is not a number (a variant that was not measured) becomes null. */
export function writeReport(file: string, report: Report): void {
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
}

/** Reads a report that {@link writeReport} has written. */
export function readReport(file: string): Report {
  return JSON.parse(readFileSync(file, 'utf8')) as Report;
}
