import { mountOf } from '../kernel/mounts.ts';
import { projectUsage, setProject, setProjectLimit } from '../kernel/quota.ts';
import { type SliverRecord, uidBase } from '../slivers/record.ts';

/** A project id of the sliver's own, far from those that a person would choose. */
const project = (sliver: SliverRecord) => uidBase(sliver.id);

/** Whether project quotas are enforced where `directory` is: tried, not guessed from options. */
export function hasProjectQuota(directory: string): boolean {
  try {
    projectUsage(deviceOf(directory), 0);
    return true;
  } catch {
    return false;
  }
}

/** Makes a new file or folder, and all that comes into the folder, count as the sliver's. */
export function countTowards(path: string, sliver: SliverRecord): void {
  setProject(path, project(sliver));
}

/** Bounds, on the file system that `path` is on, all that counts as the sliver's to what its record says. */
export function boundQuota(path: string, sliver: SliverRecord): void {
  setProjectLimit(deviceOf(path), project(sliver), sliver.rspec['disk.bytes'], sliver.rspec['disk.inodes']);
}

export function quotaUsage(path: string, sliver: SliverRecord): { bytes: number; inodes: number } {
  return projectUsage(deviceOf(path), project(sliver));
}

function deviceOf(path: string): string {
  return mountOf(path).source;
}
