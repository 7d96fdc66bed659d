import { readFileSync } from 'node:fs';
import { closeFd } from '../../daemon/kernel/syscalls.ts';
import { iterate, Mapped } from '../bpf/syscall.ts';
import { HOLDER_BYTES, ID_MASK, NODE, REFS_SHIFT, RESERVED, SLOT_BYTES, SLOTS } from './layout.ts';

const OWNED = RESERVED | NODE | (0xffff << REFS_SHIFT);

/** A slot as it was at one moment. */
export interface Slot {
  slot: number;
  owned: boolean;
  id: number;
  /** RESERVED, NODE */
  flags: number;
  sockets: number;
  state: bigint;
  /** CLOCK_MONOTONIC, nanoseconds */
  since: bigint;
}

/** The slots as they are in the kernel's memory: reading them costs no system call. Only programs write them. */
export class Slots {
  readonly #memory: Mapped;
  #low: Uint32Array;
  #whole: BigUint64Array;

  /** @param fd of the map `ports`, not closed here */
  constructor(fd: number) {
    this.#memory = new Mapped(fd, Math.ceil((SLOTS * SLOT_BYTES) / 4096) * 4096);
    this.#low = new Uint32Array(this.#memory.buffer);
    this.#whole = new BigUint64Array(this.#memory.buffer);
  }

  at(slot: number): Slot {
    const state = Atomics.load(this.#whole, slot * 2);
    const low = Number(state & 0xffff_ffffn);
    return {
      slot,
      state,
      owned: (low & OWNED) !== 0,
      id: low & ID_MASK,
      flags: low & (RESERVED | NODE),
      sockets: low >>> REFS_SHIFT,
      since: Atomics.load(this.#whole, slot * 2 + 1),
    };
  }

  /** Those that somebody owns, in order. */
  *owned(): Generator<Slot> {
    for (let slot = 0; slot < SLOTS; slot++)
      if ((this.#low[slot * 4] ?? 0) & OWNED) {
        const found = this.at(slot);
        if (found.owned) yield found;
      }
  }

  /**
   * Slots that no socket stands behind, with their state of before the looking: whoever acts on it says so, and is
   * refused when a socket came or went meanwhile. One that says too many is left until the last of them is gone.
   */
  unheld(holders: number): Slot[] {
    const before = [...this.owned()].filter(({ sockets }) => sockets > 0);
    const held = claimsHeld(holders);
    return before.filter((seen) => !held.has(claim(seen.slot, epochOf(seen))));
  }

  /** Whoever asks later finds nobody, and not what isn't mapped any more. */
  close(): void {
    this.#low = new Uint32Array(this.#low.length);
    this.#whole = new BigUint64Array(this.#whole.length);
    this.#memory.unmap();
  }
}

function epochOf({ state }: Slot): number {
  return Number((state >> 32n) & 0xffffn);
}
function claim(slot: number, epoch: number): number {
  return slot * 65536 + epoch;
}

/** What sockets hold, of all that are in a file table of some process on the machine. */
function claimsHeld(holders: number): Set<number> {
  const fd = iterate(holders, closeFd);
  try {
    const records = readFileSync(fd);
    const held = new Set<number>();
    for (let at = 0; at + HOLDER_BYTES <= records.length; at += HOLDER_BYTES)
      held.add(claim(records.readUInt32LE(at + 8), records.readUInt16LE(at + 12)));
    return held;
  } finally {
    closeFd(fd);
  }
}
