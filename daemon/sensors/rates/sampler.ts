import type { TrafficCounters } from '../../../netns/network-limits.ts';
import { readCounters } from '../../cgroups/files.ts';
import type { SliverRecord } from '../../slivers/record.ts';
import type { SliverStore } from '../../slivers/store.ts';
import { inTurns } from '../sensor.ts';
import { type Counters, type Measure, Ring } from './ring.ts';

export interface SamplerOptions {
  readonly store: SliverStore;
  /** Of a sliver that runs, where it is in sight. */
  cgroup(record: SliverRecord): string | undefined;
  /** @returns since when a sliver is as it is; milliseconds since 1970 */
  state(record: SliverRecord): { readonly since: number };
  /** None where the node has no shared address, or its kernel can't count. */
  readonly counters: TrafficCounters | undefined;
}

/** What grew how much in a second; undefined where too little is known. */
export type Rates = Readonly<Record<Measure, number>> | undefined;

/** Milliseconds. One costs a read of a file for each sliver. */
const EVERY = 15_000;
/** Minutes. */
export const WINDOWS = [1, 5, 15] as const;
const PLACES = (15 * 60_000) / EVERY + 2;

/**
 * What slivers use a second, over the last minutes. It begins anew with each run of a sliver, from nothing, and with the daemon, for which
 * what slivers used before is of an unknown time.
 */
export class Sampler {
  readonly #options: SamplerOptions;
  readonly #rings = new Map<string, Ring>();
  readonly #timer: NodeJS.Timeout;
  readonly #began = Date.now();

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.look(), EVERY).unref();
  }

  async look(): Promise<void> {
    const records = this.#options.store.list();
    const seen = new Set<string>();
    await inTurns(records, (record) => {
      const cgroup = this.#options.cgroup(record);
      if (cgroup === undefined) return;
      const key = keyOf(record);
      seen.add(key);
      const ring = this.#rings.get(key) ?? this.#begin(record);
      this.#rings.set(key, ring);
      ring.add(this.#counters(record, readCounters(`${cgroup}/cpu.stat`).usage_usec));
    });
    for (const key of this.#rings.keys()) if (!seen.has(key)) this.#rings.delete(key);
  }

  /**
   * Over each of WINDOWS.
   * @param cpu microseconds that it has used as of now
   */
  rates(record: SliverRecord, cpu: number | undefined): readonly Rates[] {
    const [ring, now] = [this.#rings.get(keyOf(record)), this.#counters(record, cpu)];
    return WINDOWS.map((minutes) => ring?.rates(now, minutes * 60));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #begin(record: SliverRecord): Ring {
    const ring = new Ring(PLACES);
    const { since } = this.#options.state(record);
    const { up, down } = this.#options.counters?.base(record.id) ?? { up: 0, down: 0 };
    if (since >= this.#began) ring.add({ at: performance.now() - (Date.now() - since), cpu: 0, up, down });
    return ring;
  }

  #counters({ id }: SliverRecord, cpu = 0): Counters {
    const { up, down } = this.#options.counters?.total(id) ?? { up: 0, down: 0 };
    return { at: performance.now(), cpu, up, down };
  }
}

const keyOf = ({ id, createdAt, run }: SliverRecord) => `${id} ${createdAt} ${run}`;
