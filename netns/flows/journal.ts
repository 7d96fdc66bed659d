import { DatabaseSync } from 'node:sqlite';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS gaps (
    id INTEGER PRIMARY KEY AUTOINCREMENT, began INTEGER NOT NULL, ended INTEGER NOT NULL, reason TEXT NOT NULL,
    lost INTEGER NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS gaps_by_end ON gaps (ended);
  CREATE TABLE IF NOT EXISTS alive (time INTEGER NOT NULL) STRICT;`;
const KEPT = 10_000;

/**
 * `stopped`: nobody recorded; flows that ended then are missing. `full`: the disk took no more. `clock`: it was set; times
 * before are by the clock of then.
 */
export type Reason = 'stopped' | 'full' | 'clock';

/** A time of which flows may be missing, or may be told with another time. */
export interface Gap {
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
  readonly reason: Reason;
  /** How many flows, where that is known; else 0. */
  readonly lost: number;
}

/** What a recorder knows of itself: when it was there, and what it missed. */
export class Journal {
  readonly #sql: DatabaseSync;

  private constructor(sql: DatabaseSync) {
    this.#sql = sql;
  }

  static write(path: string): Journal {
    const sql = new DatabaseSync(path);
    sql.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=5000');
    sql.exec(SCHEMA);
    return new Journal(sql);
  }

  static read(path: string): Journal {
    return new Journal(new DatabaseSync(path, { readOnly: true, timeout: 5000 }));
  }

  /** When a recorder was last there; 0 when there was none. */
  get lastAlive(): number {
    return Number(this.#sql.prepare('SELECT max(time) AS time FROM alive').get()?.time ?? 0);
  }

  alive(now: number): void {
    this.#sql.exec('BEGIN IMMEDIATE; DELETE FROM alive');
    try {
      this.#sql.prepare('INSERT INTO alive VALUES (?)').run(now);
      this.#sql.exec('COMMIT');
    } catch (error) {
      if (this.#sql.isTransaction) this.#sql.exec('ROLLBACK');
      throw error;
    }
  }

  gap({ from, to, reason, lost }: Gap): void {
    const { lastInsertRowid } = this.#sql
      .prepare('INSERT INTO gaps (began, ended, reason, lost) VALUES (?, ?, ?, ?)')
      .run(Math.min(from, to), Math.max(from, to), reason, lost);
    this.#sql.prepare('DELETE FROM gaps WHERE id <= ?').run(Number(lastInsertRowid) - KEPT);
  }

  /** Those within a time, the latest first. */
  gaps(from: number, to: number, limit: number): Gap[] {
    if (!this.#sql.prepare("SELECT 1 FROM sqlite_master WHERE name = 'alive'").get()) return []; // it is being made
    const rows = this.#sql
      .prepare('SELECT * FROM gaps WHERE ended >= ? AND began <= ? ORDER BY id DESC LIMIT ?')
      .all(Math.max(from, 0), Math.min(to, Number.MAX_SAFE_INTEGER), limit);
    return rows.map(({ began, ended, reason, lost }) => ({
      from: Number(began),
      to: Number(ended),
      reason: reason as Reason,
      lost: Number(lost),
    }));
  }

  close(): void {
    this.#sql.close();
  }
}
