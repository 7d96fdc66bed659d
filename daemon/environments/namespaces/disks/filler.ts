import { closeSync, constants, ftruncateSync, openSync, statfsSync, statSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { allocate } from '../../../kernel/syscalls.ts';

/** Beside what the guest sees of its disk. */
export const FILLER = 'filler';
/** What the file itself needs for its extents. */
const SLACK = 2 ** 20;

/**
 * Takes room of a mounted disk away from its sliver, as when a lease of it is over: ext4 doesn't shrink while it is mounted. A file that is
 * allocated and never written takes nothing of the node's disk. Of a disk that is fuller than it may be all that is free is taken,
 * and the rest at a later look, as it becomes free. The file is there from the disk's first mount on, empty: later a guest may have taken all inodes.
 * @param contents the root of the file system
 * @param bytes to take; 0: gives it all back
 */
export function fill(contents: string, bytes: number): void {
  const path = `${contents}/${FILLER}`;
  const { bavail, bsize } = statfsSync(contents);
  const most = Math.min(bytes, filled(contents) + Math.max(0, bavail * bsize - SLACK));
  try {
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    try {
      if (most < filled(contents)) ftruncateSync(fd, most);
      else if (most > 0) allocate(fd, most, path);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    // The guest was faster. It writes on, so there is a later look; a start would not come to be by itself.
    if (!isFull(error)) throw error;
  }
}

/** As node tells it of a file, and our own calls of the kernel. */
function isFull(error: unknown): boolean {
  const { code, extra } = error as { code?: string; extra?: { errno?: number } };
  return code === 'ENOSPC' || extra?.errno === osConstants.errno.ENOSPC;
}

/** Bytes that a disk's sliver can't have for it. */
export function filled(contents: string): number {
  return (statSync(`${contents}/${FILLER}`, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
}
