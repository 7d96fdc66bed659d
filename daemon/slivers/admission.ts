import { ADMITTED, type Admitted, admit } from '../resources/admission.ts';
import { type Amounts, amountsOf, exact, type Holding, peak } from '../resources/amounts.ts';
import type { Leases } from '../resources/leases/leases.ts';
import type { Loans } from '../resources/loans/loans.ts';
import type { RSpec } from '../resources/rspec.ts';
import { stateAt } from '../resources/schedule.ts';
import type { SliverRecord } from './record.ts';
import type { SliverStore } from './store.ts';

export interface AdmissionOptions {
  /** Of each, all that can be promised together; `Infinity` where the owner says nothing. */
  readonly most: Readonly<Record<Admitted, number>>;
  /** What a sliver without bound (`max`) counts as: all that there is. */
  readonly whole: Readonly<Record<'cpu.max' | 'memory.max', number>>;
  readonly store: SliverStore;
  readonly leases: Leases;
  readonly loans: Loans;
}

/** Of one resource: what there is, and what of it is whose. Amounts in the units of the RSpec. */
export interface ResourceSum {
  readonly key: Admitted;
  /** All that can be promised; none: that has no bound. */
  readonly of?: number;
  /** By the records of slivers. */
  readonly slivers: number;
  /** By leases, now, and at most at once from now on. */
  readonly leased: number;
  readonly leasedLater: number;
  readonly left?: number;
}

/** What one sliver holds, and by what. */
export interface SliverHolding {
  readonly name: string;
  readonly own: Readonly<Record<Admitted, number | 'max'>>;
  readonly leased: Amounts;
  readonly borrowed: Amounts;
  readonly lent: Amounts;
}

/** Promises never add up to more than there is, now or at any time that somebody has a lease for. */
export class Admission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Refuses what the node has no room for, or a sliver has lent. @param before the sliver, when it isn't new */
  sliver(rspec: RSpec, before?: SliverRecord): void {
    if (before) this.#options.loans.admit(before.id, rspec);
    for (const key of ADMITTED) {
      const had = before ? this.#counted(before.rspec, key) : 0;
      const promised = this.#own(key) - had + this.#leased(key, Number.POSITIVE_INFINITY);
      admit(key, this.#options.most[key], promised, this.#counted(rspec, key), had);
    }
  }

  /** The same of what a sliver gets for a time, beside what others have of leases then. */
  lease({ rspec, from, until }: Holding, others: readonly Holding[]): void {
    for (const key of ADMITTED) {
      const wanted = rspec[key];
      if (wanted !== undefined)
        admit(key, this.#options.most[key], this.#own(key) + peak(others, key, from, until), wanted);
    }
  }

  /** Who holds what: sums. */
  sums(): ResourceSum[] {
    return ADMITTED.map((key) => {
      const of = this.#options.most[key];
      const slivers = this.#own(key);
      const leasedLater = this.#leased(key, Number.POSITIVE_INFINITY);
      const sum = { key, slivers, leased: this.#leased(key, Date.now() + 1), leasedLater };
      return Number.isFinite(of) ? { ...sum, of, left: Math.max(0, exact(of - slivers - leasedLater)) } : sum;
    });
  }

  /** Who holds what: one sliver. */
  holding({ id, name, rspec }: SliverRecord): SliverHolding {
    const { leases, loans } = this.#options;
    const active = <Item extends Holding>(all: readonly Item[]) =>
      all.filter((one) => stateAt(one, Date.now()) === 'active');
    const lent = active(loans.schedule.of(id));
    return {
      name,
      own: Object.fromEntries(ADMITTED.map((key) => [key, rspec[key]])) as SliverHolding['own'],
      leased: sumOf(active(leases.schedule.of(id))),
      borrowed: sumOf(lent.filter(({ slivers }) => slivers[1] === id)),
      lent: sumOf(lent.filter(({ slivers }) => slivers[0] === id)),
    };
  }

  #leased(key: Admitted, until: number): number {
    return peak(this.#options.leases.schedule.list(), key, Date.now(), until);
  }

  #own(key: Admitted): number {
    return this.#options.store.list().reduce((sum, { rspec }) => exact(sum + this.#counted(rspec, key)), 0);
  }

  #counted(rspec: RSpec, key: Admitted): number {
    const value = rspec[key];
    return value === 'max' ? this.#options.whole[key as 'cpu.max' | 'memory.max'] : value;
  }
}

function sumOf(holdings: readonly Holding[]): Amounts {
  const sum: Record<string, number> = {};
  for (const { rspec } of holdings)
    for (const [key, amount] of amountsOf(rspec)) sum[key] = exact((sum[key] ?? 0) + amount);
  return sum;
}
