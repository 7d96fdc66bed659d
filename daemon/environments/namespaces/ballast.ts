import { mkdirSync, rmSync, writeFileSync } from 'node:fs';

const FILES = 8;
const BYTES = 16 * 1024;

/**
 * Room on a sliver's disk that its guest can't take: overlayfs makes directories of its own when it is mounted, and
 * a sliver whose disk is full must start all the same. A file system knows no such reserve for inodes, so a few files
 * outside the guest's sight hold it; they step aside while `work` runs and come back before the guest does.
 */
export function withBallast<T>(disk: string, work: () => T): T {
  const folder = `${disk}/ballast`;
  rmSync(folder, { recursive: true, force: true });
  try {
    return work();
  } finally {
    try {
      mkdirSync(folder, { mode: 0o700 });
      for (let file = 0; file < FILES; file++) writeFileSync(`${folder}/${file}`, Buffer.alloc(BYTES));
    } catch {
      // A disk that was full before it ever had ballast: the next start tries again.
    }
  }
}
