import { withAmounts } from '../resources/amounts.ts';
import type { Leases } from '../resources/leases/leases.ts';
import type { Loans } from '../resources/loans/loans.ts';
import { stateAt } from '../resources/schedule.ts';
import type { SliverRecord } from './record.ts';
import type { SliverStore } from './store.ts';

/** Slivers as they are now: their records, with what each has by leases and loans, and without what it has lent. */
export class EffectiveSlivers {
  readonly #store: SliverStore;
  readonly #leases: Leases;
  readonly #loans: Loans;

  constructor(store: SliverStore, leases: Leases, loans: Loans) {
    this.#store = store;
    this.#leases = leases;
    this.#loans = loans;
  }

  of(record: SliverRecord): SliverRecord {
    const now = Date.now();
    const { id } = record;
    const leases = this.#leases.schedule.of(id).filter((one) => stateAt(one, now) === 'active');
    const loans = this.#loans.schedule.of(id).filter((one) => stateAt(one, now) === 'active');
    if (leases.length + loans.length === 0) return record;
    const [lent, borrowed] = [
      loans.filter(({ slivers }) => slivers[0] === id),
      loans.filter(({ slivers }) => slivers[1] === id),
    ];
    const rspecs = (all: readonly { rspec: (typeof loans)[number]['rspec'] }[]) =>
      all.map(({ rspec }) => rspec);
    return { ...record, rspec: withAmounts(record.rspec, rspecs([...leases, ...borrowed]), rspecs(lent)) };
  }

  find(name: string): SliverRecord | undefined {
    const record = this.#store.find(name);
    return record && this.of(record);
  }

  list(): SliverRecord[] {
    return this.#store.list().map((record) => this.of(record));
  }
}
