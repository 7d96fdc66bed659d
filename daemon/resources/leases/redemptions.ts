import type { Database } from '../../store/database.ts';

/** So long after its end a redeemed ticket is known, whatever the clock says meanwhile, in milliseconds. */
const REMEMBERED = 400 * 86_400_000;

/** To look through all of them takes longer than all else of a redemption. */
const PRUNED_AFTER = 1000;

/** Which tickets were redeemed, by what their last link says: known longer than the leases that they became. */
export class Redemptions {
  readonly #database: Database;
  #sincePruned = 0;

  constructor(database: Database) {
    this.#database = database;
    try {
      this.#prune();
    } catch {
      // On a full disk a node starts all the same.
    }
  }

  /** The lease that it became. */
  find(link: string): string | undefined {
    const row = this.#database.sql.prepare('SELECT lease FROM redemptions WHERE link = ?').get(link);
    return row?.lease as string | undefined;
  }

  /** @param good until when the ticket is, in milliseconds since 1970 */
  add(link: string, lease: string, good: number): void {
    this.#database.sql.prepare('INSERT INTO redemptions VALUES (?, ?, ?)').run(link, lease, good);
    if (++this.#sincePruned >= PRUNED_AFTER) this.#prune();
  }

  #prune(): void {
    this.#sincePruned = 0;
    this.#database.sql.prepare('DELETE FROM redemptions WHERE good < ?').run(Date.now() - REMEMBERED);
  }
}
