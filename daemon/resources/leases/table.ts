import type { Database } from '../../store/database.ts';
import type { Lease } from './lease.ts';

interface Row {
  id: string;
  sliver: number;
  lease: string;
}

/** Leases in the database, and which tickets were redeemed, which is known longer than their leases are. */
export class LeaseTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  list(): Lease[] {
    const rows = this.#database.sql.prepare('SELECT * FROM leases').all() as unknown as Row[];
    return rows.map(({ lease }) => JSON.parse(lease));
  }

  /** The lease that a ticket became, by what its last link says. */
  redeemed(link: string): string | undefined {
    const row = this.#database.sql.prepare('SELECT lease FROM redemptions WHERE link = ?').get(link);
    return row?.lease as string | undefined;
  }

  /** Both or neither, durable on return. @param good until when the ticket is, in milliseconds since 1970 */
  redeem(lease: Lease, link: string, good: number): void {
    this.#database.transaction(() => {
      this.#database.sql.prepare('INSERT INTO redemptions VALUES (?, ?, ?)').run(link, lease.id, good);
      this.save(lease);
    });
  }

  save(lease: Lease): void {
    this.#database.sql
      .prepare('INSERT OR REPLACE INTO leases VALUES (?, ?, ?)')
      .run(lease.id, lease.sliver, JSON.stringify(lease));
  }

  remove(id: string): void {
    this.#database.sql.prepare('DELETE FROM leases WHERE id = ?').run(id);
  }

  /** Forgets redemptions of tickets that ended before then: nobody takes them any more. */
  forget(before: number): void {
    this.#database.sql.prepare('DELETE FROM redemptions WHERE good < ?').run(before);
  }
}
