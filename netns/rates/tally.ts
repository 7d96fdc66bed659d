import type { Programs } from '../bpf/programs.ts';
import { Mapped } from '../bpf/syscall.ts';
import type { Held } from '../network-limits.ts';
import { idOf, isExempt } from './plan.ts';

const PLACES = 4096;
/** Words of struct held, one for each way: sums, then what of a class's counters is in them already, by class. */
const WORDS = 6;

/**
 * What bounds did to slivers' packets, one way. Queues come and go, and count from nothing each time; the sums are in the
 * kernel beside them (netns/bpf/traffic.h), so that they outlive the daemon as the queues do.
 */
export class Tally {
  readonly #memory: Mapped;
  #words: BigUint64Array;
  readonly #way: number;

  constructor(programs: Programs, way: 'up' | 'down') {
    this.#memory = new Mapped(programs.map('held'), 2 * PLACES * WORDS * 8, 0, true);
    this.#words = new BigUint64Array(this.#memory.buffer);
    this.#way = way === 'up' ? 0 : 1;
  }

  /** Of a sliver since `begin`. */
  of(id: number): Held {
    const [times, dropped] = this.#at(id);
    return { times: Number(times), dropped: Number(dropped) };
  }

  /** @param now what a class has counted since it was made */
  add(minor: number, now: Held): void {
    const id = idOf(minor);
    if (id === undefined) return;
    const [sums, seen] = [this.#at(id), this.#seen(id, minor)];
    [BigInt(now.times), BigInt(now.dropped)].forEach((count, at) => {
      const before = seen[at] ?? 0n;
      sums[at] = (sums[at] ?? 0n) + (count < before ? count : count - before); // somebody made it anew
      seen[at] = count;
    });
  }

  /** A class was made, and has counted nothing. */
  fresh(minor: number): void {
    const id = idOf(minor);
    if (id !== undefined) this.#seen(id, minor).fill(0n);
  }

  /** The id is another sliver's now. */
  begin(id: number): void {
    this.#at(id).fill(0n);
  }

  /** Whoever asks later finds zeros, and not what isn't mapped any more. */
  close(): void {
    this.#words = new BigUint64Array(this.#words.length);
    this.#memory.unmap();
  }

  #at(id: number, from = 0): BigUint64Array {
    const start = (id * 2 + this.#way) * WORDS + from;
    return this.#words.subarray(start, start + 2);
  }

  #seen(id: number, minor: number): BigUint64Array {
    return this.#at(id, isExempt(minor) ? 4 : 2);
  }
}
