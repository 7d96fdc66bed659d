import type { Database } from '../../store/database.ts';
import type { Day } from './day.ts';

/** Bytes each way. */
export interface Traffic {
  readonly up: number;
  readonly down: number;
}

/** A slice's account as it is kept. */
export interface Account {
  readonly slice: string;
  readonly used: Traffic;
  readonly sliver: number | null;
  readonly seen: Traffic;
}

interface Row {
  slice: string;
  day: number;
  up: number;
  down: number;
  sliver: number | null;
  counters: string;
  seen_up: number;
  seen_down: number;
}

/** Accounts in the database. */
export class DayTable {
  readonly #database: Database;
  readonly #counters: string;

  /** @param counters names those in the kernel that `seen` is of: others began anew, as after a reboot */
  constructor(database: Database, counters: string) {
    this.#database = database;
    this.#counters = counters;
  }

  day(): Day | undefined {
    const row = this.#database.sql.prepare("SELECT value FROM node WHERE key = 'day'").get();
    return row && JSON.parse(row.value as string);
  }

  /** With the serial number of the day that `used` is of. */
  accounts(): (Account & { day: number })[] {
    const rows = this.#database.sql.prepare('SELECT * FROM days').all() as unknown as Row[];
    return rows.map((row) => ({
      slice: row.slice,
      day: row.day,
      used: { up: row.up, down: row.down },
      sliver: row.counters === this.#counters ? row.sliver : null,
      seen: { up: row.seen_up, down: row.seen_down },
    }));
  }

  /** All of it or nothing, durable on return. Accounts of days before go. */
  save(day: Day, accounts: readonly Account[]): void {
    const { sql } = this.#database;
    const insert = sql.prepare('INSERT OR REPLACE INTO days VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
    this.#database.transaction(() => {
      sql
        .prepare("INSERT OR REPLACE INTO node VALUES ('day', ?)")
        .run(JSON.stringify({ ...day, lasted: Math.round(day.lasted) }));
      for (const { slice, used, sliver, seen } of accounts)
        insert.run(slice, day.serial, used.up, used.down, sliver, this.#counters, seen.up, seen.down);
      sql.prepare('DELETE FROM days WHERE day < ?').run(day.serial);
    });
  }
}
