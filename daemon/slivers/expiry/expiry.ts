import type { Logger } from 'pino';
import type { EventLog } from '../../events/log.ts';
import type { Database } from '../../store/database.ts';
import { CLOCK, type Clock } from '../days/day.ts';
import type { SliverRecord } from '../record.ts';
import type { SliverStore } from '../store.ts';
import { type Account, later, opened } from './account.ts';
import { DAY } from './end.ts';
import { ExpiryTable } from './table.ts';

export interface ExpiryOptions {
  readonly store: SliverStore;
  readonly database: Database;
  readonly events: EventLog;
  /** Days of the node's running that a sliver is kept past its end; Infinity: for ever. */
  readonly graceDays: number;
  /** Deletes a sliver. */
  delete(record: SliverRecord, why: string): void;
  readonly log: Logger;
  readonly clock?: Clock;
}

const LOOK_EVERY = 1000;
/** What a crash takes from the time that a sliver was past its end: it is kept so much longer. */
const SAVE_EVERY = 600_000;
/** Slivers that something is done about in one look: each costs writes that the others wait for. */
const AT_ONCE = 10;

interface Entry {
  now: Account;
  /** As the database has it. */
  kept: Account;
}

/**
 * The ends of slivers: warned of, and after a grace time the sliver is deleted (docs/decisions/0033-expiry.md). That it doesn't run in between is
 * the reconciler's. Nobody else is needed for it, neither authority nor network.
 */
export class Expiry {
  readonly #options: ExpiryOptions;
  readonly #clock: Clock;
  readonly #table: ExpiryTable;
  readonly #grace: number;
  readonly #entries = new Map<number, Entry>();
  #looked: number;
  #saved: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ExpiryOptions) {
    const { database, graceDays, clock = CLOCK } = options;
    this.#options = options;
    this.#clock = clock;
    this.#grace = graceDays * DAY;
    this.#looked = clock.passed();
    this.#saved = clock.passed();
    this.#table = new ExpiryTable(database);
    for (const [id, kept] of this.#table.accounts()) this.#entries.set(id, { now: kept, kept });
  }

  /** Looks by itself from now on. */
  watch(): void {
    this.look();
    this.#timer = setInterval(() => this.look(), LOOK_EVERY).unref();
  }

  /** Counts, warns and deletes. What fails, as on a disk that is full, is tried again with the next look. */
  look(): void {
    this.#count();
    this.#tried(() => {
      this.#forget();
      const due = this.#options.store.list().filter((record) => this.#isDue(record));
      for (const record of due.slice(0, AT_ONCE)) this.#act(record);
      if (this.#looked - this.#saved >= SAVE_EVERY) this.#save();
    });
  }

  /** Milliseconds of the node's running after which it is deleted; null: it isn't past its end, or is kept for ever. */
  left({ id, expiresAt }: SliverRecord): number | null {
    const now = this.#entries.get(id)?.now;
    if (!now || now.end !== expiresAt || now.over === null || !Number.isFinite(this.#grace)) return null;
    return Math.max(this.#grace - now.over, 0);
  }

  /** Keeps what was counted. */
  close(): void {
    clearInterval(this.#timer);
    this.#count();
    this.#tried(() => this.#save());
  }

  #count(): void {
    const [wall, passed] = [this.#clock.wall(), this.#clock.passed()];
    for (const { id, expiresAt } of this.#options.store.list()) {
      if (expiresAt === null) continue;
      const entry = this.#entries.get(id) ?? { now: opened(expiresAt), kept: opened(expiresAt) };
      const had = entry.now.end === expiresAt ? entry.now : opened(expiresAt);
      this.#entries.set(id, { ...entry, now: later(had, wall, passed - this.#looked) });
    }
    this.#looked = passed;
  }

  /** Slivers that are gone, whose ids may come again, and those that have no end any more. */
  #forget(): void {
    for (const id of this.#entries.keys()) {
      if ((this.#options.store.byId(id)?.expiresAt ?? null) !== null) continue;
      this.#table.remove(id);
      this.#entries.delete(id);
    }
  }

  #isDue({ id, desired }: SliverRecord): boolean {
    const entry = this.#entries.get(id);
    if (!entry || desired === 'deleted') return false;
    const { now, kept } = entry;
    const began = (now.over === null) !== (kept.over === null);
    return now.end !== kept.end || now.warned !== kept.warned || began || this.#isOver(now);
  }

  #isOver({ over }: Account): boolean {
    return over !== null && over >= this.#grace;
  }

  /** Told before it is kept: a crash in between has it told twice, not never. */
  #act(record: SliverRecord): void {
    const entry = this.#entries.get(record.id);
    if (!entry) return;
    const { now, kept } = entry;
    if (this.#isOver(now)) {
      this.#options.delete(record, 'it expired, and its grace time is over');
      return;
    }
    if (now.warned !== null && (now.warned !== kept.warned || now.end !== kept.end))
      this.#options.events.record('sliver.expires', record.name, {
        at: new Date(now.end).toISOString(),
        seconds: Math.round((now.end - this.#clock.wall()) / 1000),
      });
    this.#keep(new Map([[record.id, now]]));
  }

  #save(): void {
    const counted = [...this.#entries].filter(([, { now, kept }]) => now.over !== kept.over);
    this.#keep(new Map(counted.map(([id, { now }]) => [id, now])));
    this.#saved = this.#looked;
  }

  #keep(accounts: ReadonlyMap<number, Account>): void {
    this.#table.save(accounts);
    for (const [id, now] of accounts) this.#entries.set(id, { now, kept: now });
  }

  #tried(work: () => void): void {
    try {
      work();
    } catch (err) {
      this.#options.log.error({ err }, 'looking after the ends of slivers');
    }
  }
}
