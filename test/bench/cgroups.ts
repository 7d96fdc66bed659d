import { readdirSync, rmdirSync } from 'node:fs';

/** Removes a tree of cgroups without processes; one that is gone is no error. */
export function removeCgroups(cgroup: string): void {
  const folder = `/sys/fs/cgroup${cgroup}`;
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isDirectory()) removeCgroups(`${cgroup}/${entry.name}`);
    rmdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
