import { readFileSync } from 'node:fs';
import { readCgroup } from '../../cgroups/files.ts';
import { CGROUP_ROOT } from '../../cgroups/tree.ts';

/**
 * A container's cgroup, where this daemon can see it: cgroup v2 (alone, or beside v1), and the engine in our cgroup and pid
 * namespaces. There, limits that the engine's API lacks can be written, and usage read without asking it.
 */
export function cgroupOf(pid: number): string | undefined {
  if (pid <= 0) return undefined;
  try {
    const path = /^0::(\/.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1];
    if (!path || path === '/' || path.includes('..')) return undefined;
    return [CGROUP_ROOT, `${CGROUP_ROOT}/unified`]
      .map((root) => root + path)
      .find((cgroup) => (readCgroup(`${cgroup}/cgroup.procs`) ?? '').split('\n').includes(String(pid)));
  } catch {
    return undefined;
  }
}

/** Whether a pid that the engine tells is, as we see it, a process of that container. */
export function isProcessOf(pid: number, container: string): boolean {
  try {
    return pid > 1 && readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(container);
  } catch {
    return false;
  }
}
