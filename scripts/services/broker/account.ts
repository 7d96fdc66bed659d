import { DatabaseSync } from 'node:sqlite';
import type { Gift } from './tickets.ts';

/** What a broker gave on, of which of its tickets, and to whom. */
export interface Given {
  /** The hash of what was asked: asked again, it is answered with the same. */
  readonly ask: string;
  /** The id of the last link of the broker's ticket. */
  readonly of: string;
  /** The x of the customer's key. */
  readonly to: string;
  readonly gift: Gift;
  readonly ticket: string;
}

/** Of one customer, at once: it may ask for a byte each. */
const MOST = 1000;

/** A broker's account, on its disk: a promise is there before anybody has it. */
export class Account {
  readonly #database: DatabaseSync;

  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    this.#database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
      CREATE TABLE IF NOT EXISTS given (ask TEXT PRIMARY KEY, source TEXT NOT NULL, receiver TEXT NOT NULL, nbf INTEGER NOT NULL,
        exp INTEGER NOT NULL, rspec TEXT NOT NULL, ticket TEXT NOT NULL) STRICT;
      CREATE INDEX IF NOT EXISTS given_by_source ON given (source, exp)`);
  }

  find(ask: string): string | undefined {
    return this.#database.prepare('SELECT ticket FROM given WHERE ask = ?').get(ask)?.ticket as
      | string
      | undefined;
  }

  /** Durable on return. What is over is forgotten. Throws when the customer has very many. */
  add({ ask, of, to, gift, ticket }: Given): void {
    this.#database.prepare('DELETE FROM given WHERE exp < ?').run(Math.floor(Date.now() / 1000));
    const had = this.#database.prepare('SELECT count(*) AS had FROM given WHERE receiver = ?').get(to)?.had;
    if (Number(had) >= MOST)
      throw new Error(`this customer has ${MOST} tickets that are not over: ask for greater ones`);
    this.#database
      .prepare('INSERT INTO given VALUES (?, ?, ?, ?, ?, ?, ?)')
      .run(ask, of, to, gift.nbf, gift.exp, JSON.stringify(gift.rspec), ticket);
  }

  /** The most of an RSpec key that is given on of a ticket at once, within the time of a gift. @param to to that customer alone */
  most(of: string, key: string, { nbf, exp }: Gift, to?: string): number {
    const rows = this.#database
      .prepare('SELECT receiver, nbf, exp, rspec FROM given WHERE source = ? AND exp > ? AND nbf < ?')
      .all(of, nbf, exp) as { receiver: string; nbf: number; exp: number; rspec: string }[];
    const steps = rows
      .filter(({ receiver }) => to === undefined || receiver === to)
      .flatMap((row) => {
        const amount = (JSON.parse(row.rspec) as Record<string, number>)[key] ?? 0;
        return [
          { at: Math.max(row.nbf, nbf), amount },
          { at: row.exp, amount: -amount },
        ];
      })
      .sort((one, other) => one.at - other.at || one.amount - other.amount); // what ends is over before the next begins
    let [held, most] = [0, 0];
    for (const { amount } of steps) {
      held += amount;
      most = Math.max(most, held);
    }
    return most;
  }
}
