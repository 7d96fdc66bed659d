import { existsSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { RSpec } from '../resources/rspec.ts';
import { readCgroup, writeCgroup } from './files.ts';

const PERIOD = 100_000;

/**
 * The cgroup files that enforce an RSpec, as [file, value]; those of controllers that this node lacks are left out.
 * @param device the block device of the sliver's disk, `major:minor`, for io.max; absent: no io.max.
 */
export function limitFiles(
  rspec: RSpec,
  controllers: ReadonlySet<string>,
  device?: string,
): [string, string][] {
  const text = (key: keyof RSpec) => String(rspec[key]);
  const quota =
    rspec['cpu.max'] === 'max' ? 'max' : String(Math.max(1000, Math.round(rspec['cpu.max'] * PERIOD)));
  const io = (['rbps', 'wbps', 'riops', 'wiops'] as const)
    .map((key) => `${key}=${text(`io.${key}`)}`)
    .join(' ');
  const files: [string, string, string][] = [
    ['cpu', 'cpu.weight', text('cpu.weight')],
    ['cpu', 'cpu.max', `${quota} ${PERIOD}`],
    ['cpuset', 'cpuset.cpus', text('cpuset.cpus')],
    ['memory', 'memory.high', page(rspec['memory.high'])],
    ['memory', 'memory.max', page(rspec['memory.max'])],
    ['memory', 'memory.swap.max', page(rspec['memory.swap.max'])],
    ['pids', 'pids.max', text('pids.max')],
    ['io', 'io.weight', `default ${text('io.weight')}`],
  ];
  if (device) files.push(['io', 'io.max', `${device} ${io}`]);
  return files.filter(([controller]) => controllers.has(controller)).map(([, file, value]) => [file, value]);
}

/** One or two for each size, and the kernel has its sizes from its start. */
let ofHugePages: string[] = [];

/** The owner's huge pages are no memory that memory.max counts: a sliver gets none. @param cgroup has the controller */
export function noHugePages(cgroup: string): [string, string][] {
  if (ofHugePages.length === 0 && existsSync(cgroup))
    ofHugePages = readdirSync(cgroup).filter((name) => /^hugetlb\..+\.max$/.test(name));
  return ofHugePages.map((name) => [name, '0']);
}

/** The kernel keeps memory limits in whole pages; round down as it does, so that what is read back compares equal. */
function page(value: number | 'max'): string {
  return value === 'max' ? value : String(value - (value % 4096));
}

/**
 * Makes a cgroup's limits those of `files`, writing only what differs. Lowering comes with the kernel's own
 * meaning: memory above a new memory.max is reclaimed, or its processes are killed.
 * @returns the files that were written.
 */
export function applyLimits(cgroup: string, files: readonly [string, string][]): string[] {
  const written: string[] = [];
  for (const [file, asked] of files) {
    const path = `${cgroup}/${file}`;
    const now = readCgroup(path);
    const value = file === 'cpuset.cpus' && asked === '' && now ? everyCore(cgroup) : asked;
    // io.weight exists with some I/O schedulers only; what can't be read can't be set, and doctor says so.
    if (now === undefined && (file === 'io.weight' || file === 'memory.swap.max')) continue;
    if (now === value || (file === 'io.max' && sameIoMax(now ?? '', value))) continue;
    writeCgroup(path, `${value}\n`);
    written.push(file);
  }
  return written;
}

/** What "all" is once a cgroup had other cores: the kernel takes no empty list back while processes are in it (ENOSPC). */
function everyCore(cgroup: string): string {
  return readCgroup(`${dirname(cgroup)}/cpuset.cpus.effective`) ?? '';
}

/** io.max lists devices with a limit only: no line for a device means that all four are max. */
function sameIoMax(now: string, wanted: string): boolean {
  const [device = '', ...limits] = wanted.split(' ');
  const line = now.split('\n').find((candidate) => candidate.startsWith(`${device} `));
  return line ? line === wanted : limits.every((limit) => limit.endsWith('=max'));
}
