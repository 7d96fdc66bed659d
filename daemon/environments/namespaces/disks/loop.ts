import {
  closeSync,
  openSync,
  readFileSync,
  readSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { SliverdError } from '../../../errors.ts';
import { attachLoop, growLoop } from '../../../kernel/loop.ts';
import { deviceName, isMountPoint } from '../../../kernel/mounts.ts';
import { run } from '../../../kernel/run.ts';
import { attachMount, closeFd, detachMount, ioctl, MountAttr, newMount } from '../../../kernel/syscalls.ts';
import type { SliverRecord } from '../../../slivers/record.ts';
import type { DiskKind } from './disks.ts';
import { FILLER, fill, filled } from './filler.ts';
import { formatDisk } from './format.ts';

/**
 * A sparse file with an ext4 of its own, for state directories without project quota. The bound is the size of the
 * file system; the file takes from the node's disk what was written only (format.ts).
 */
export const loopDisk: DiskKind = {
  kind: 'loop',

  async make(folder, sliver) {
    await formatDisk(`${folder}/disk.img`, whole(sliver.rspec['disk.bytes']), inodes(sliver));
  },

  async remove(folder) {
    await rm(folder, { recursive: true, force: true }); // two files of our own: the guest's are inside one
  },

  async open(folder, mountPoint, sliver) {
    if (isMountPoint(mountPoint)) return mountPoint;
    const image = `${folder}/disk.img`;
    const { device, fd } = reuse(image) ?? (await attachGrown(image, sliver));
    try {
      const mount = mountOf(device);
      try {
        attachMount(mount, mountPoint);
      } finally {
        closeFd(mount);
      }
    } finally {
      closeSync(fd);
    }
    fill(mountPoint, excess(image, sliver));
    return mountPoint;
  },

  close(mountPoint) {
    while (detachMount(mountPoint));
  },

  // By a mount that hangs nowhere: nothing to leave behind, and nobody's path.
  look(folder, work) {
    const bound = reuse(`${folder}/disk.img`);
    if (!bound) return undefined;
    try {
      const mount = mountOf(bound.device);
      try {
        return work(`/proc/self/fd/${mount}`);
      } finally {
        closeFd(mount);
      }
    } finally {
      closeSync(bound.fd);
    }
  },

  writtenAt: (folder) => statSync(`${folder}/disk.img`).mtimeMs,

  device(folder) {
    const device = loopOf(`${folder}/disk.img`);
    return device && deviceName(statSync(device).rdev);
  },

  resize(folder, sliver) {
    const image = `${folder}/disk.img`;
    const wanted = whole(sliver.rspec['disk.bytes']);
    // Shrinking needs the file system at rest, growing a capability: else it happens in `open`, at the next start.
    const growing = sizeOf(image) < wanted && canGrowMounted();
    this.look(folder, (contents) => {
      if (growing) {
        truncateSync(image, wanted);
        growLoop(loopOf(image) ?? '');
        growExt4(contents, wanted);
      }
      fill(contents, excess(image, sliver));
    });
  },

  usage(folder) {
    const stat = this.look(folder, (contents) => ({ ...statfsSync(contents), filled: filled(contents) }));
    return (
      stat && {
        bytes: (stat.blocks - stat.bfree) * stat.bsize - stat.filled,
        inodes: stat.files - stat.ffree,
      }
    );
  },
};

const mountOf = (device: string) =>
  newMount('ext4', { source: device, noinit_itable: true }, MountAttr.NODEV);

/** resize2fs(8) wants a mount point to do this. */
function growExt4(contents: string, bytes: number): void {
  const EXT4_IOC_RESIZE_FS = 0x40086610;
  const blocks = new BigUint64Array([BigInt(Math.floor(bytes / statfsSync(contents).bsize))]);
  const fd = openSync(contents, 'r');
  try {
    ioctl(fd, EXT4_IOC_RESIZE_FS, new Uint8Array(blocks.buffer), `growing ${contents}`);
  } finally {
    closeSync(fd);
  }
}

/** Bytes by which a file system is larger than the record says. */
const excess = (image: string, sliver: SliverRecord) =>
  Math.max(0, sizeOf(image) - whole(sliver.rspec['disk.bytes']));

const whole = (bytes: number) => bytes - (bytes % 4096);

/** What ext4 takes for itself is not the sliver's loss: 11 inodes are reserved, and groups round down. */
const inodes = (sliver: SliverRecord) => sliver.rspec['disk.inodes'] + 16;

async function attachGrown(image: string, sliver: SliverRecord): Promise<{ device: string; fd: number }> {
  await grow(image, sliver);
  const loop = attachLoop(image);
  // Before it is mounted: until then the device goes with this process, and nobody needs the note.
  writeFileSync(noteOf(image), loop.device);
  return loop;
}

/** Brings a disk at rest to the size of the record; one that is fuller than that keeps its size, and `fill` holds it until it isn't. */
async function grow(image: string, sliver: SliverRecord): Promise<void> {
  const size = sizeOf(image);
  const wanted = whole(sliver.rspec['disk.bytes']);
  if (size === wanted) return;
  await repair(image);
  // After that: what the journal had of the file, as after a power cut, would bring it back.
  if (wanted < size) await run('debugfs', ['-w', '-R', `rm ${FILLER}`, image]);
  if (wanted > size) truncateSync(image, wanted);
  else if ((await least(image)) > wanted) return;
  await run('resize2fs', [image, `${wanted / 512}s`], { timeout: 300_000 });
  if (wanted < size) truncateSync(image, wanted);
}

/** Brings a file system in order that was not unmounted, if so. */
async function repair(image: string): Promise<void> {
  const MENDED = 1;
  try {
    await run('e2fsck', ['-fp', image]);
  } catch (error) {
    if (!(error instanceof SliverdError && error.extra.exitCode === MENDED)) throw error;
  }
}

/** To how many bytes a disk at rest can be shrunk, by resize2fs's own reckoning. */
async function least(image: string): Promise<number> {
  const [, blocks] = /: (\d+)\s*$/.exec(await run('resize2fs', ['-P', image])) ?? [];
  return Number(blocks) * superblockOf(image).blockSize;
}

/**
 * A device that is bound to the file still: the last container is on its way out, or another mount namespace has it.
 * Two devices on one file would be two ext4 on one disk, and its end; two mounts of one device share one ext4.
 */
function reuse(image: string): { device: string; fd: number } | undefined {
  const device = loopOf(image);
  if (!device) return undefined;
  const fd = hold(device);
  if (fd === undefined) return undefined;
  if (loopOf(image) === device) return { device, fd };
  closeSync(fd);
  return undefined;
}

/** Opens a loop device, so that it stays bound; undefined when the kernel is just about to free it. */
function hold(device: string): number | undefined {
  try {
    return openSync(device, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') return undefined;
    throw error;
  }
}

/** Bytes of the file system in an image, by its superblock: the file may have grown without it. */
function sizeOf(image: string): number {
  const { blocks, blockSize } = superblockOf(image);
  return blocks * blockSize;
}

function superblockOf(image: string): { blocks: number; blockSize: number } {
  const superblock = Buffer.alloc(32);
  const fd = openSync(image, 'r');
  try {
    readSync(fd, superblock, 0, superblock.length, 1024);
  } finally {
    closeSync(fd);
  }
  const [blocks, logBlockSize] = [superblock.readUInt32LE(4), superblock.readUInt32LE(24)];
  return { blocks, blockSize: 2 ** (10 + logBlockSize) };
}

/** ext4 grows while it is mounted for those with CAP_SYS_RESOURCE only, which root lacks in some containers. */
export function canGrowMounted(): boolean {
  const CAP_SYS_RESOURCE = 24n;
  const [, effective = '0'] = /^CapEff:\s+([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return ((BigInt(`0x${effective}`) >> CAP_SYS_RESOURCE) & 1n) === 1n;
}

/** The loop device of an image, where it has one. Noted when it was bound, so that nobody looks through all of them. */
function loopOf(image: string): string | undefined {
  try {
    const device = readFileSync(noteOf(image), 'utf8');
    const backing = readFileSync(`/sys/block/${basename(device)}/loop/backing_file`, 'utf8').trim();
    return backing === image ? device : undefined;
  } catch {
    return undefined; // never bound, or not any more
  }
}

const noteOf = (image: string) => `${dirname(image)}/device`;
