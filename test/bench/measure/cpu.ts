/**
 * Processor time of a process from the kernel's accounting: user and system time of all its threads.
 */
import { readdirSync, readFileSync } from 'node:fs';

const NS_PER_US = 1_000;

/** @returns microseconds of processor time so far; threads that have ended are not counted */
export function cpuMicroseconds(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += threadNanoseconds(`/proc/${pid}/task/${thread}/schedstat`);
  }
  return nanoseconds / NS_PER_US;
}

function threadNanoseconds(path: string): number {
  try {
    return Number.parseInt(readFileSync(path, 'latin1'), 10);
  } catch (error) {
    // The thread has ended since the folder was read.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return 0;
    throw error;
  }
}

/** @returns resident memory in bytes */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}
