import { closeSync, constants, ftruncateSync, openSync, statfsSync, statSync, unlinkSync } from 'node:fs';
import { allocate } from '../../../kernel/syscalls.ts';

/** Beside what the guest sees of its disk. */
export const FILLER = 'filler';
/** What the file itself needs for its extents. */
const SLACK = 2 ** 20;

/**
 * Takes room of a mounted disk away from its sliver, as when a lease of it is over: ext4 doesn't shrink while it is mounted. A file that is
 * allocated and never written takes nothing of the node's disk. Of a disk that is fuller than it may be all that is free is taken,
 * and the rest at a later look, as it becomes free.
 * @param contents the root of the file system
 * @param bytes to take; 0: gives it all back
 */
export function fill(contents: string, bytes: number): void {
  const path = `${contents}/${FILLER}`;
  if (bytes === 0) {
    if (filled(contents) > 0) unlinkSync(path);
    return;
  }
  const { bavail, bsize } = statfsSync(contents);
  const most = Math.min(bytes, filled(contents) + Math.max(0, bavail * bsize - SLACK));
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    if (most < filled(contents)) ftruncateSync(fd, most);
    else if (most > 0) allocate(fd, most, path);
  } finally {
    closeSync(fd);
  }
}

/** Bytes that a disk's sliver can't have for it. */
export function filled(contents: string): number {
  return (statSync(`${contents}/${FILLER}`, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
}
