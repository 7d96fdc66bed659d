import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { SliverdError } from '../errors.ts';
import { readCgroup, readCounters, writeCgroup } from './files.ts';

export const CGROUP_ROOT = '/sys/fs/cgroup';
const WANTED = ['cpu', 'cpuset', 'memory', 'io', 'pids', 'hugetlb'];

/** The cgroup that all slivers of this node are in, one child each. */
export class CgroupTree {
  readonly path: string;
  /** Controllers that hold here; the others' limits don't, and the node says that it is degraded. */
  readonly controllers: ReadonlySet<string>;

  /** @param parent below the cgroup2 mount, as in /slivers.slice/slivers.service/slivers */
  constructor(parent: string) {
    this.path = `${CGROUP_ROOT}${parent}`;
    if (readCgroup(`${CGROUP_ROOT}/cgroup.controllers`) === undefined)
      throw new SliverdError(
        'unsupported',
        `${CGROUP_ROOT} is not a cgroup v2 hierarchy: boot with systemd.unified_cgroup_hierarchy=1, or run a sandbox node (scripts/quickstart)`,
      );
    let at = CGROUP_ROOT;
    for (const part of parent.split('/').filter(Boolean)) {
      enable(at);
      at += `/${part}`;
      mkdirSync(at, { recursive: true });
    }
    this.controllers = enable(at);
  }

  of(name: string): string {
    return `${this.path}/${name}`;
  }

  /** Names of the slivers' cgroups that exist. */
  children(): string[] {
    return readdirSync(this.path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  }

  /** What slivers together may take: the machine less the owner's reserve. */
  bound(limits: { cores: number; memoryBytes: number; processes: number }): void {
    if (this.controllers.has('cpu'))
      writeCgroup(`${this.path}/cpu.max`, `${Math.max(1000, Math.round(limits.cores * 100_000))} 100000`);
    if (this.controllers.has('memory')) writeCgroup(`${this.path}/memory.max`, String(limits.memoryBytes));
    if (this.controllers.has('pids')) writeCgroup(`${this.path}/pids.max`, String(limits.processes));
  }

  /** Removes the whole tree, when no process is left in it. */
  remove(): void {
    if (existsSync(this.path)) removeCgroup(this.path);
  }
}

/** Hands every wanted controller that `cgroup` has down to its children; returns those that are. */
function enable(cgroup: string): Set<string> {
  const given = (readCgroup(`${cgroup}/cgroup.controllers`) ?? '').split(' ');
  for (const controller of WANTED.filter((name) => given.includes(name))) {
    try {
      writeCgroup(`${cgroup}/cgroup.subtree_control`, `+${controller}`);
    } catch {
      // Held by somebody (a process in this cgroup, a real-time task): told as degraded by what is missing below.
    }
  }
  return new Set((readCgroup(`${cgroup}/cgroup.subtree_control`) ?? '').split(' ').filter(Boolean));
}

export function isPopulated(cgroup: string): boolean {
  return readCounters(`${cgroup}/cgroup.events`).populated === 1;
}

export function isFrozen(cgroup: string): boolean {
  return readCgroup(`${cgroup}/cgroup.freeze`) === '1';
}

export async function freeze(cgroup: string, frozen: boolean): Promise<void> {
  writeCgroup(`${cgroup}/cgroup.freeze`, frozen ? '1' : '0');
  await until(
    () => readCounters(`${cgroup}/cgroup.events`).frozen === (frozen ? 1 : 0),
    10_000,
    `${cgroup} to ${frozen ? 'freeze' : 'thaw'}`,
  );
}

/**
 * Kills every process in a cgroup and below, frozen ones too, and waits until none is left.
 * @param free lets go of what may keep a killed process from ending; called again and again while there are any.
 */
export async function killCgroup(cgroup: string, free = () => {}): Promise<void> {
  if (!existsSync(cgroup)) return;
  writeCgroup(`${cgroup}/cgroup.kill`, '1');
  const gone = () => {
    if (!isPopulated(cgroup)) return true;
    free();
    return false;
  };
  await until(gone, 30_000, `the processes in ${cgroup} to die`);
}

/** Removes a cgroup and those below it; what isn't there is no error. */
export function removeCgroup(cgroup: string): void {
  if (!existsSync(cgroup)) return;
  for (const entry of readdirSync(cgroup, { withFileTypes: true }))
    if (entry.isDirectory()) removeCgroup(`${cgroup}/${entry.name}`);
  try {
    rmdirSync(cgroup);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new SliverdError('kernel', `removing the cgroup ${cgroup}`, { cause });
  }
}

/** Polls a condition of the kernel's, soon at first and then ever less often. */
export async function until(condition: () => boolean, milliseconds: number, what: string): Promise<void> {
  const deadline = performance.now() + milliseconds;
  for (let pause = 1; !condition(); pause = Math.min(pause * 1.5, 100)) {
    if (performance.now() > deadline)
      throw new SliverdError('kernel', `waited ${milliseconds / 1000} s for ${what}`);
    await sleep(pause);
  }
}
