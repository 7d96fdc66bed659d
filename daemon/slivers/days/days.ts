import type { Logger } from 'pino';
import type { NetworkLimits, TrafficCounters } from '../../../netns/network-limits.ts';
import type { DayUsage, DayWay } from '../../environments/environment.ts';
import type { EventLog } from '../../events/log.ts';
import type { Database } from '../../store/database.ts';
import type { EffectiveSlivers } from '../effective.ts';
import { networkLimits } from '../network-limits.ts';
import type { SliverRecord } from '../record.ts';
import { Accounts } from './accounts.ts';
import { allowanceOf, rateOf, type Way } from './allowance.ts';
import { CLOCK, type Clock } from './day.ts';
import { DayTable } from './table.ts';

export interface DaysOptions {
  readonly store: Pick<EffectiveSlivers, 'list' | 'find'>;
  readonly database: Database;
  readonly events: EventLog;
  /** None where the node has no shared address, or its kernel can't count. */
  readonly counters: TrafficCounters | undefined;
  readonly log: Logger;
  readonly clock?: Clock;
}

const WAYS = ['up', 'down'] as const;
const LOOK_EVERY = 1000;
/** What a power cut takes from an account: a minute's, or a hundredth of the day's bytes. */
const SAVE_EVERY = 60_000;
const SAVE_PART = 0.01;
/** The kernel's rate is left as it is for a change of less than this. */
const WORTH = 0.05;

/**
 * What slivers may have of the network today: what their RSpecs say, and less once a slice has had most of its day's bytes
 * (docs/decisions/0021-rates.md).
 */
export class Days {
  readonly #options: DaysOptions;
  readonly #clock: Clock;
  /** Rates that were given out last, by sliver. */
  readonly #given = new Map<number, Record<Way, number>>();
  /** Slices whose rates follow the time that is left, though they send nothing. */
  readonly #slowed = new Set<string>();
  #accounts: Accounts | undefined;
  #saved: number;
  #timer: NodeJS.Timeout | undefined;
  readonly #unlisten: () => void;

  constructor(options: DaysOptions) {
    const { store, database, events, counters, clock = CLOCK } = options;
    this.#options = options;
    this.#clock = clock;
    this.#saved = clock.passed();
    if (counters)
      this.#accounts = new Accounts(new DayTable(database, counters.name), counters, clock, store.list());
    this.#unlisten = events.listen(({ type, subject, data }) => {
      if (type !== 'sliver.deleted') return;
      this.#given.delete(Number(data.id));
      this.#slowed.delete(subject);
      this.#accounts?.part(subject);
    });
  }

  /** Looks by itself from now on. @param changed is told of slivers that may have more or less than before */
  watch(changed: (id: number) => void): void {
    const look = () => {
      try {
        this.look().forEach(changed);
      } catch (err) {
        this.#options.log.error({ err }, "accounting for the slices' day"); // a disk that is full: again in a second
      }
    };
    this.#timer = setInterval(look, LOOK_EVERY).unref();
  }

  /** Accounts for what went through. @returns slivers that may have more or less than before */
  look(): number[] {
    const accounts = this.#accounts;
    if (!accounts) return [];
    accounts.look();
    const changed: number[] = [];
    let save = this.#clock.passed() - this.#saved >= SAVE_EVERY;
    for (const name of new Set([...accounts.moved(), ...this.#slowed])) {
      const record = this.#options.store.find(name);
      if (!record) continue;
      const most = Math.min(...WAYS.map((way) => allowanceOf(record.rspec, way).bytes));
      save ||= accounts.unsaved(record) > most * SAVE_PART;
      const given = this.#given.get(record.id);
      const rates = this.#rates(record);
      if (!given || WAYS.every((way) => !differ(given[way], rates[way]))) continue;
      changed.push(record.id);
      this.#tell(record, given, rates);
      this.#give(record, rates);
    }
    if (save) {
      accounts.save();
      this.#saved = this.#clock.passed();
    }
    return changed;
  }

  /** What a sliver may have from now on, asked before it is connected and whenever that is looked at. */
  limits(record: SliverRecord): NetworkLimits {
    this.#accounts?.beforeConnection(record);
    const limits = networkLimits(record.rspec);
    const { up, down } = limits;
    const rates = this.#rates(record);
    this.#give(record, rates);
    return { ...limits, up: { ...up, max: rates.up }, down: { ...down, max: rates.down } };
  }

  /** What a slice has had of today; undefined where nobody counts. */
  usage(record: SliverRecord): DayUsage | undefined {
    const accounts = this.#accounts;
    if (!accounts) return undefined;
    accounts.look();
    const [used, rates] = [accounts.used(record), this.#rates(record)];
    const of = (way: Way): DayWay => {
      const { bytes, threshold } = allowanceOf(record.rspec, way);
      return {
        bytes: used[way],
        ...(bytes < Number.POSITIVE_INFINITY ? { of: bytes } : {}),
        ...(used[way] >= threshold ? { slowedTo: rates[way] } : {}),
      };
    };
    const ends = new Date(this.#clock.wall() + accounts.left()).toISOString();
    return { up: of('up'), down: of('down'), ends };
  }

  /** Bits per second that a slice is slowed to for today, as of the last look, a second ago; undefined: it isn't. */
  slowedTo({ id, name }: SliverRecord, way: Way): number | undefined {
    const [record, given] = [
      this.#slowed.has(name) && this.#options.store.find(name),
      this.#given.get(id)?.[way],
    ];
    return record && given !== undefined && given < networkLimits(record.rspec)[way].max ? given : undefined;
  }

  /** Keeps what is known; the counters may go now. */
  close(): void {
    clearInterval(this.#timer);
    this.#unlisten();
    this.#accounts?.look();
    this.#accounts?.save();
    this.#accounts = undefined;
  }

  #give(record: SliverRecord, rates: Record<Way, number>): void {
    const limits = networkLimits(record.rspec);
    this.#given.set(record.id, rates);
    if (WAYS.some((way) => rates[way] < limits[way].max)) this.#slowed.add(record.name);
    else this.#slowed.delete(record.name);
  }

  #rates(record: SliverRecord): Record<Way, number> {
    const limits = networkLimits(record.rspec);
    const accounts = this.#accounts;
    if (!accounts) return { up: limits.up.max, down: limits.down.max };
    const [used, left] = [accounts.used(record), accounts.left()];
    const of = (way: Way) => rateOf(allowanceOf(record.rspec, way), used[way], left, limits[way]);
    return { up: of('up'), down: of('down') };
  }

  /** Told when it begins, not each time that the rate follows what is left. */
  #tell(record: SliverRecord, before: Record<Way, number>, rates: Record<Way, number>): void {
    const limits = networkLimits(record.rspec);
    for (const way of WAYS)
      if (before[way] >= limits[way].max && rates[way] < limits[way].max)
        this.#options.events.record('network.slowed', record.name, {
          way,
          of: allowanceOf(record.rspec, way).bytes,
          bitsPerSecond: rates[way],
        });
  }
}

function differ(a: number, b: number): boolean {
  return a !== b && !(Math.abs(a - b) < a * WORTH);
}
