import type { TrafficCounters } from '../../../netns/network-limits.ts';
import { MAX_ID, type SliverRecord } from '../record.ts';
import { type Clock, type Day, dayAfter, firstDay, leftOf } from './day.ts';
import type { DayTable, Traffic } from './table.ts';

const NONE: Traffic = { up: 0, down: 0 };
const sum = ({ up, down }: Traffic) => up + down;

/** What a slice has had of the day. */
interface Entry {
  readonly slice: string;
  used: Traffic;
  /** The sliver that it has now, if any, and what of its counter is in `used`. */
  sliver: number | null;
  seen: Traffic;
  /** How much of `used` is in the database; undefined: nothing since it has this sliver. */
  saved: number | undefined;
  /** Whether `used` has changed since `moved` told so. */
  moved: boolean;
}

/**
 * What slices have had of the day, by name, so that neither reset nor delete-and-create gives a new one. The kernel counts,
 * and goes on when the daemon is killed; what of its counters is in an account already is known by `seen`.
 */
export class Accounts {
  readonly #table: DayTable;
  readonly #counters: TrafficCounters;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  #day: Day;
  #looked: number;

  /** @param records of the slivers that there are */
  constructor(table: DayTable, counters: TrafficCounters, clock: Clock, records: readonly SliverRecord[]) {
    this.#table = table;
    this.#counters = counters;
    this.#clock = clock;
    this.#day = table.day() ?? firstDay(clock.wall());
    this.#looked = clock.passed();
    for (const { slice, day, used, sliver, seen } of table.accounts()) {
      const today = day === this.#day.serial ? used : NONE;
      this.#entries.set(slice, { slice, used: today, sliver, seen, saved: sum(today), moved: true });
    }
    const ids = new Map(records.map(({ name, id }) => [name, id]));
    for (const { slice, sliver } of this.#entries.values()) if (ids.get(slice) !== sliver) this.part(slice);
    // Where a daemon was killed as it deleted a sliver, the next one with its id begins here.
    const taken = new Set(ids.values());
    for (let id = 1; id <= MAX_ID; id++) if (!taken.has(id)) counters.begin(id);
    for (const record of records) this.#entry(record);
    this.look();
  }

  /** Accounts for what went through since the last look, and begins a new day when it is time. */
  look(): void {
    for (const entry of this.#entries.values()) this.#settle(entry);
    const passed = this.#clock.passed();
    const day = dayAfter(this.#day, this.#clock.wall(), passed - this.#looked);
    const begins = day.serial !== this.#day.serial;
    this.#day = day;
    this.#looked = passed;
    if (!begins) return;
    for (const entry of this.#entries.values()) {
      entry.used = NONE;
      entry.moved = true;
      if (entry.sliver === null) this.#entries.delete(entry.slice);
    }
    this.#save([...this.#entries.values()]);
  }

  /** Slices whose accounts have changed since this was asked last. */
  moved(): string[] {
    const moved = [...this.#entries.values()].filter(({ moved }) => moved);
    for (const entry of moved) entry.moved = false;
    return moved.map(({ slice }) => slice);
  }

  used(record: SliverRecord): Traffic {
    return this.#entry(record).used;
  }

  /** Milliseconds until the day ends. */
  left(): number {
    return leftOf(this.#day, this.#clock.wall());
  }

  /** Bytes that aren't in the database yet. */
  unsaved(record: SliverRecord): number {
    const { used, saved } = this.#entry(record);
    return sum(used) - (saved ?? 0);
  }

  save(): void {
    this.#save([...this.#entries.values()].filter(({ used, saved }) => sum(used) !== (saved ?? 0)));
  }

  /** Before a sliver is connected: with that its counter begins anew, and what is in no account would be lost. */
  beforeConnection(record: SliverRecord): void {
    const entry = this.#entry(record);
    this.#settle(entry);
    if (entry.saved === undefined && sum(entry.used) > 0) this.save();
  }

  /** A slice's sliver is gone; its account stays, for the next one. */
  part(slice: string): void {
    const entry = this.#entries.get(slice);
    if (!entry?.sliver) return;
    this.#settle(entry);
    this.#counters.begin(entry.sliver);
    entry.sliver = null;
    if (entry.saved !== undefined || sum(entry.used) > 0) this.#save([entry]);
  }

  /** With a sliver that is new to it, all that this has had since it was connected is new. */
  #entry({ name, id }: SliverRecord): Entry {
    const known = this.#entries.get(name);
    if (known?.sliver === id) return known;
    const used = known?.used ?? NONE;
    const seen = this.#counters.base(id);
    const entry: Entry = { slice: name, used, sliver: id, seen, saved: undefined, moved: true };
    this.#entries.set(name, entry);
    this.#settle(entry);
    return entry;
  }

  #settle(entry: Entry): void {
    if (!entry.sliver) return;
    const { up, down } = this.#counters.total(entry.sliver);
    const { used, seen } = entry;
    if (up === seen.up && down === seen.down) return;
    entry.moved = true;
    entry.used = { up: used.up + up - seen.up, down: used.down + down - seen.down };
    entry.seen = { up, down };
  }

  #save(entries: readonly Entry[]): void {
    this.#table.save(this.#day, entries);
    for (const entry of entries) entry.saved = sum(entry.used);
  }
}
