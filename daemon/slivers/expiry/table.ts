import type { Database } from '../../store/database.ts';
import type { Account } from './account.ts';

/** Accounts of ends in the database, by the ids of slivers. */
export class ExpiryTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  accounts(): Map<number, Account> {
    const rows = this.#database.sql.prepare('SELECT * FROM expiry').all();
    return new Map(
      rows.map((row) => [
        row.sliver as number,
        { end: row.ends as number, warned: row.warned as number | null, over: row.over as number | null },
      ]),
    );
  }

  /** All of it or nothing, durable on return. */
  save(accounts: ReadonlyMap<number, Account>): void {
    const insert = this.#database.sql.prepare('INSERT OR REPLACE INTO expiry VALUES (?, ?, ?, ?)');
    this.#database.transaction(() => {
      for (const [id, { end, warned, over }] of accounts)
        insert.run(id, end, warned, over === null ? null : Math.round(over));
    });
  }

  remove(id: number): void {
    this.#database.sql.prepare('DELETE FROM expiry WHERE sliver = ?').run(id);
  }
}
