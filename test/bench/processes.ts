import { readdirSync, readFileSync } from 'node:fs';

export interface Process {
  readonly pid: number;
  readonly name: string;
  /** Bytes resident, shared pages counted whole. */
  readonly resident: number;
  /** Bytes resident, shared pages divided by those that share them. */
  readonly proportional: number;
}

/** Processes on whose command line a folder stands: how daemons and monitors of one subject are told from all others. */
export function processesOf(folder: string): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder)) return [];
        return [inspect(Number(pid))];
      } catch {
        return []; // it has ended
      }
    });
}

export function inspect(pid: number): Process {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const bytes = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1]) * 1024;
  return {
    pid,
    name: readFileSync(`/proc/${pid}/comm`, 'utf8').trim(),
    resident: bytes('Rss'),
    proportional: bytes('Pss'),
  };
}

/** Processor time of all threads so far, in milliseconds. */
export function processorTime(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const nanoseconds = threads.map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
  );
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6;
}

/** A pid with its start time, which tells it from another that was given the same number later. */
export function identity(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return `${pid}@${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
}
