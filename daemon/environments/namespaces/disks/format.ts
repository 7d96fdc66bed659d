import { readSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { run } from '../../../kernel/run.ts';
import { dataExtents } from '../../../kernel/syscalls.ts';

interface Piece {
  readonly offset: number;
  readonly data: Buffer;
}

/** What mkfs.ext4 wrote, by size and inodes: the last few kinds of disk that were made, none of them large. */
const templates = new Map<string, readonly Piece[] | 'too large'>();
const TEMPLATES = 4;
const TEMPLATE_BYTES = 2 * 2 ** 20;
const BLOCK = 4096;

/**
 * Makes an empty ext4 in a new sparse file, which is on the node's disk when this resolves. Slivers' disks are alike,
 * so mkfs.ext4 runs once for each kind and what it wrote is written again. All of a kind share one UUID, which nothing
 * of ours goes by. No lazy initialisation: a sparse file reads as zeros already, and the kernel would write all inode
 * tables in the background.
 * @param size bytes, whole blocks
 */
export async function formatDisk(image: string, size: number, inodes: number): Promise<void> {
  const kind = `${size} ${inodes}`;
  const template = templates.get(kind);
  const file = await open(image, 'wx+', 0o600);
  try {
    await file.truncate(size);
    if (!Array.isArray(template)) {
      const options = 'lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0';
      const bounds = ['-m', '0', '-N', String(inodes), '-J', 'size=4'];
      await run('mkfs.ext4', ['-q', '-F', ...bounds, '-E', options, image]);
      if (!template) remember(kind, written(file.fd, size) ?? 'too large');
    }
    for (const { offset, data } of Array.isArray(template) ? template : [])
      for (let done = 0; done < data.length; )
        done += writeSync(file.fd, data, done, data.length - done, offset + done); // into the page cache
    await file.datasync();
  } finally {
    await file.close();
  }
}

function remember(kind: string, pieces: readonly Piece[] | 'too large'): void {
  const [oldest] = templates.keys();
  if (templates.size >= TEMPLATES && oldest !== undefined) templates.delete(oldest);
  templates.set(kind, pieces);
}

/** Blocks of the file that aren't zeros, or undefined when they are too many to keep. */
function written(fd: number, size: number): Piece[] | undefined {
  const pieces: Piece[] = [];
  for (const { start, end } of dataExtents(fd, size)) {
    for (let offset = start; offset < end; offset += BLOCK) {
      const data = Buffer.alloc(BLOCK);
      if (readSync(fd, data, 0, BLOCK, offset) !== BLOCK) return undefined;
      if (data.every((byte) => byte === 0)) continue;
      if (pieces.length * BLOCK >= TEMPLATE_BYTES) return undefined;
      pieces.push({ offset, data });
    }
  }
  return pieces;
}
