import { type Amounts, withAmounts } from '../resources/amounts.ts';
import type { SliverRecord } from './record.ts';
import type { SliverStore } from './store.ts';

/** Slivers as they are now: their records, and what each has for a time beside (a lease). What environments are told. */
export class EffectiveSlivers {
  readonly #store: SliverStore;
  readonly #more: (sliver: number, now: number) => Amounts[];

  /** @param more what a sliver has for a time, on top of its own */
  constructor(store: SliverStore, more: (sliver: number, now: number) => Amounts[]) {
    this.#store = store;
    this.#more = more;
  }

  of(record: SliverRecord): SliverRecord {
    const more = this.#more(record.id, Date.now());
    return more.length === 0 ? record : { ...record, rspec: withAmounts(record.rspec, more) };
  }

  find(name: string): SliverRecord | undefined {
    const record = this.#store.find(name);
    return record && this.of(record);
  }

  list(): SliverRecord[] {
    return this.#store.list().map((record) => this.of(record));
  }
}
