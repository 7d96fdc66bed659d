import { admitDisk, admitRate, type Capacity } from '../resources/admission.ts';
import { type Holding, peak } from '../resources/amounts.ts';
import type { Leases } from '../resources/leases/leases.ts';
import type { Loans } from '../resources/loans/loans.ts';
import type { RSpec } from '../resources/rspec.ts';
import type { SliverRecord } from './record.ts';
import type { SliverStore } from './store.ts';

export interface AdmissionOptions {
  readonly capacity: Capacity;
  /** Bits per second that can be promised. */
  readonly line: Readonly<Record<'up' | 'down', number>>;
  readonly store: SliverStore;
  readonly leases: Leases;
  readonly loans: Loans;
}

const WAYS = ['up', 'down'] as const;
type Guaranteed = 'disk.bytes' | 'net.up.min' | 'net.down.min';

/** Guarantees never add up to more than there is, now or at any time that somebody has a lease for. */
export class Admission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Refuses what the node has no room for, or a sliver has lent. @param before the sliver, when it isn't new */
  sliver(rspec: RSpec, before?: SliverRecord): void {
    if (before) this.#options.loans.admit(before.id, rspec);
    const instead = before?.rspec;
    const { capacity, line } = this.#options;
    const promised = (key: Guaranteed) =>
      this.#own(key) -
      (instead?.[key] ?? 0) +
      peak(this.#options.leases.schedule.list(), key, Date.now(), Number.POSITIVE_INFINITY);
    admitDisk(capacity, promised('disk.bytes'), rspec['disk.bytes']);
    for (const way of WAYS) {
      const key = `net.${way}.min` as const;
      admitRate(way, line[way], promised(key), rspec[key], instead?.[key]);
    }
  }

  /** The same of what a sliver gets for a time, beside what others have of leases then. */
  lease({ rspec, from, until }: Holding, others: readonly Holding[]): void {
    const { capacity, line } = this.#options;
    const promised = (key: Guaranteed) => this.#own(key) + peak(others, key, from, until);
    const disk = rspec['disk.bytes'];
    if (disk !== undefined) admitDisk(capacity, promised('disk.bytes'), disk);
    for (const way of WAYS) {
      const key = `net.${way}.min` as const;
      const wanted = rspec[key];
      if (wanted !== undefined) admitRate(way, line[way], promised(key), wanted);
    }
  }

  #own(key: Guaranteed): number {
    return this.#options.store.list().reduce((sum, record) => sum + record.rspec[key], 0);
  }
}
