import { readdirSync, statfsSync, statSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { SliverdError } from '../errors.ts';
import { exact } from './amounts.ts';

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

/** What is promised to slivers in sums: guarantees, and what they may have at most where the owner bounds that. */
export const ADMITTED = ['disk.bytes', 'net.up.min', 'net.down.min', 'cpu.max', 'memory.max'] as const;
export type Admitted = (typeof ADMITTED)[number];

const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
const mbit = (bits: number) => `${(bits / 1e6).toFixed(1)} Mbit/s`;
const SHOWN: Record<Admitted, (amount: number) => string> = {
  'disk.bytes': gib,
  'memory.max': gib,
  'net.up.min': mbit,
  'net.down.min': mbit,
  'cpu.max': (cores) => `${cores} cores`,
};

/**
 * Refuses what could not be kept: together it is never more than the node, or its owner, gives. Who asks for no more than before is left
 * alone, whatever the owner has changed.
 * @param most that can be promised; `Infinity`: the owner says nothing, and nothing is kept free
 * @param promised to all others
 */
export function admit(key: Admitted, most: number, promised: number, wanted: number, before = 0): void {
  const left = Math.max(0, exact(most - promised));
  if (wanted <= left || wanted <= before) return;
  const shown = SHOWN[key];
  throw new SliverdError(
    'no-capacity',
    `${key}: ${shown(wanted)} asked for, but of the ${shown(most)} that the node can promise ${shown(left)} are left: ask for less, or delete slivers`,
    { extra: { wanted, left } },
  );
}
