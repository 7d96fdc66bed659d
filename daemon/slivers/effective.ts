import { withAmounts } from '../resources/amounts.ts';
import { formatCores, parseCores } from '../resources/leases/exclusive.ts';
import type { Lease } from '../resources/leases/lease.ts';
import type { Leases } from '../resources/leases/leases.ts';
import type { Loans } from '../resources/loans/loans.ts';
import { MOST_WEIGHT, type RSpec } from '../resources/rspec.ts';
import { stateAt } from '../resources/schedule.ts';
import type { SliverRecord } from './record.ts';
import type { SliverStore } from './store.ts';

export interface EffectiveOptions {
  readonly store: SliverStore;
  readonly leases: Leases;
  readonly loans: Loans;
  /** The node's cores, by number. */
  readonly cores: readonly number[];
}

/** Slivers as they are now: their records, with what each has by leases and loans, without what it has lent, and beside what others have alone. */
export class EffectiveSlivers {
  readonly #options: EffectiveOptions;

  constructor(options: EffectiveOptions) {
    this.#options = options;
  }

  of(record: SliverRecord): SliverRecord {
    const { leases, loans } = this.#options;
    const now = Date.now();
    const { id } = record;
    const active = (one: Parameters<typeof stateAt>[0]) => stateAt(one, now) === 'active';
    const leased = leases.schedule.of(id).filter(active);
    const lent = loans.schedule.of(id).filter(active);
    const alone = leases.exclusive().filter(active);
    if (leased.length + lent.length + alone.length === 0) return record;
    const more = [...leased, ...lent.filter(({ slivers }) => slivers[1] === id)];
    const less = lent.filter(({ slivers }) => slivers[0] === id);
    const rspecs = (all: typeof more) => all.map(({ rspec }) => rspec);
    const rspec = withAmounts(record.rspec, rspecs(more), rspecs(less));
    const [own, others] = [
      alone.filter(({ slivers }) => slivers[0] === id),
      alone.filter(({ slivers }) => slivers[0] !== id),
    ];
    return {
      ...record,
      rspec: this.#onCores(rspec, own, others),
      desired:
        record.desired === 'running' && others.some(({ rspec }) => rspec.node) ? 'frozen' : record.desired,
    };
  }

  find(name: string): SliverRecord | undefined {
    const record = this.#options.store.find(name);
    return record && this.of(record);
  }

  list(): SliverRecord[] {
    return this.#options.store.list().map((record) => this.of(record));
  }

  /** Who has cores alone runs there, and nowhere else; all others run elsewhere, unless they may have what it leaves. */
  #onCores(rspec: RSpec, own: readonly Lease[], others: readonly Lease[]): RSpec {
    const its = own.flatMap(({ cores }) => cores);
    if (its.length > 0) {
      const most = rspec['cpu.max'];
      const shared = own.some(({ unused }) => unused === 'shared');
      return {
        ...rspec,
        'cpuset.cpus': formatCores(its),
        'cpu.max': most === 'max' ? most : Math.max(most, its.length),
        ...(shared ? { 'cpu.weight': MOST_WEIGHT } : {}),
      };
    }
    const kept = new Set(others.filter(({ unused }) => unused === 'idle').flatMap(({ cores }) => cores));
    if (kept.size === 0) return rspec;
    const left = this.#options.cores.filter((cpu) => !kept.has(cpu));
    const asked = parseCores(rspec['cpuset.cpus']).filter((cpu) => left.includes(cpu));
    return { ...rspec, 'cpuset.cpus': formatCores(asked.length > 0 ? asked : left) };
  }
}
