import { readdirSync, statfsSync, statSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { SliverdError } from '../errors.ts';

/** What the node has for slivers, measured at start, less what its owner keeps back. */
export interface Capacity {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** For the writable layers of all slivers together. */
  readonly diskBytes: number;
}

/**
 * @param slivers the directory that holds the slivers' disks
 * @param reserve what slivers can never take
 */
export function measureCapacity(
  slivers: string,
  reserve: { memoryBytes: number; diskBytes: number },
): Capacity {
  const free = availableBytes(slivers);
  return {
    cpus: availableParallelism(),
    memoryBytes: Math.max(0, totalmem() - reserve.memoryBytes),
    diskBytes: Math.max(0, free + taken(slivers) - reserve.diskBytes),
  };
}

/** Bytes that the file system of a directory has left. */
export function availableBytes(directory: string): number {
  const stat = statfsSync(directory);
  return stat.bavail * stat.bsize;
}

/**
 * Bytes that slivers can still write now: what is left, less what the owner keeps back, which was not theirs from the
 * beginning. With other files on the file system that may be less than what was promised to them.
 */
export function diskFree(capacity: Capacity, available: number, reserve: { diskBytes: number }): number {
  return Math.min(capacity.diskBytes, Math.max(0, available - reserve.diskBytes));
}

/** Bytes that slivers' disks have taken already: what a sparse file really holds. */
function taken(slivers: string): number {
  let bytes = 0;
  for (const id of readdirSync(slivers))
    for (const disk of readdirSync(`${slivers}/${id}`)) {
      const image = statSync(`${slivers}/${id}/${disk}/disk.img`, { throwIfNoEntry: false });
      bytes += (image?.blocks ?? 0) * 512;
    }
  return bytes;
}

/**
 * Refuses a disk that could not be had: disks are guarantees, so they never add up to more than there is,
 * and a sliver that is full harms nobody else.
 */
export function admitDisk(capacity: Capacity, promised: number, wanted: number): void {
  const left = capacity.diskBytes - promised;
  if (wanted <= left) return;
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  throw new SliverdError(
    'no-capacity',
    `disk.bytes: ${gib(wanted)} asked for, but of the node's ${gib(capacity.diskBytes)} for slivers ${gib(promised)} are promised: ask for less, or delete slivers`,
    { extra: { wanted, left } },
  );
}

/**
 * Refuses a minimum rate that could not be kept: together they are never more than the owner gives. Who asks for no more
 * than before is left alone, whatever the owner has changed.
 * @param line bits per second that can be promised; `Infinity`: the owner says nothing, and nothing is kept free
 * @param promised to all others
 */
export function admitRate(
  way: 'up' | 'down',
  line: number,
  promised: number,
  wanted: number,
  before = 0,
): void {
  const left = line - promised;
  if (wanted <= left || wanted <= before) return;
  const mbit = (bits: number) => `${(Math.max(bits, 0) / 1e6).toFixed(1)} Mbit/s`;
  throw new SliverdError(
    'no-capacity',
    `net.${way}.min: ${mbit(wanted)} asked for, but of the ${mbit(line)} that the node can promise ${mbit(left)} are left: ask for less, or delete slivers`,
    { extra: { wanted, left: Math.max(left, 0) } },
  );
}
