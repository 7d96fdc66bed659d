import { existsSync } from 'node:fs';
import { mountOf } from '../../../kernel/mounts.ts';
import { projectUsage, setProject, setProjectLimit } from '../../../kernel/quota.ts';
import { run } from '../../../kernel/run.ts';
import { type SliverRecord, uidBase } from '../../../slivers/record.ts';
import type { DiskKind } from './disks.ts';

/** A plain directory under a project quota of its own: nothing is mounted, nothing is copied. */
export const quotaDisk: DiskKind = {
  kind: 'quota',

  async make(folder, sliver) {
    setProject(folder, project(sliver));
    bound(folder, sliver);
  },
  async remove(folder) {
    // A guest's tree can be deep, wide and hostile: rm walks it by descriptors and stays on the file system.
    await run('rm', ['-rf', '--one-file-system', '--', folder], { timeout: 600_000 });
  },
  async open(folder) {
    return folder;
  },
  close() {},
  look(folder, work) {
    return existsSync(folder) ? work(folder) : undefined;
  },
  resize(folder, sliver) {
    bound(folder, sliver);
  },
  usage(folder, sliver) {
    return existsSync(folder) ? projectUsage(deviceOf(folder), project(sliver)) : undefined;
  },
};

/** A project id of its own, far from those that a person would choose. */
const project = (sliver: SliverRecord) => uidBase(sliver.id);

function bound(folder: string, sliver: SliverRecord): void {
  setProjectLimit(deviceOf(folder), project(sliver), sliver.rspec['disk.bytes'], sliver.rspec['disk.inodes']);
}

function deviceOf(path: string): string {
  return mountOf(path).source;
}

/** Whether project quotas are enforced where `directory` is: tried, not guessed from options. */
export function hasProjectQuota(directory: string): boolean {
  try {
    projectUsage(deviceOf(directory), 0);
    return true;
  } catch {
    return false;
  }
}
