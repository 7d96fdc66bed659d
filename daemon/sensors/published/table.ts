import type { Database } from '../../store/database.ts';

export interface Publication {
  /** The id of the sliver that has the socket. */
  readonly sliver: number;
  readonly name: string;
  /** An absolute path inside. */
  readonly socket: string;
  /** Seconds. */
  readonly maxAge: number;
  readonly description: string;
  /** Goes up with each that is published. */
  readonly edition: number;
}

interface Row {
  sliver: number;
  name: string;
  socket: string;
  max_age: number;
  description: string;
}

/** What is published: a cache in memory of a table on disk. */
export class PublishedTable {
  readonly #database: Database;
  readonly #bySliver = new Map<number, Publication[]>();
  #edition = 0;

  constructor(database: Database) {
    this.#database = database;
    // A daemon that was killed as it deleted a sliver may have left its.
    database.sql.exec('DELETE FROM sensors WHERE sliver NOT IN (SELECT id FROM slivers)');
    for (const row of database.sql.prepare('SELECT * FROM sensors').all() as unknown as Row[])
      this.#remember({ ...row, maxAge: row.max_age });
  }

  list(): Publication[] {
    return [...this.#bySliver.values()].flat();
  }

  of(sliver: number): readonly Publication[] {
    return this.#bySliver.get(sliver) ?? [];
  }

  put(one: Omit<Publication, 'edition'>): Publication {
    const { sliver, name, socket, maxAge, description } = one;
    this.#database.sql
      .prepare('INSERT OR REPLACE INTO sensors VALUES (?, ?, ?, ?, ?)')
      .run(sliver, name, socket, maxAge, description);
    return this.#remember(one);
  }

  /** @returns whether there was one */
  remove(sliver: number, name: string): boolean {
    const rest = this.of(sliver).filter((one) => one.name !== name);
    if (rest.length === this.of(sliver).length) return false;
    this.#database.sql.prepare('DELETE FROM sensors WHERE sliver = ? AND name = ?').run(sliver, name);
    this.#bySliver.set(sliver, rest);
    return true;
  }

  /** Of a sliver that is gone. */
  forget(sliver: number): void {
    this.#bySliver.delete(sliver);
    this.#database.sql.prepare('DELETE FROM sensors WHERE sliver = ?').run(sliver);
  }

  #remember({ sliver, name, socket, maxAge, description }: Omit<Publication, 'edition'>): Publication {
    const one = { sliver, name, socket, maxAge, description, edition: ++this.#edition };
    this.#bySliver.set(sliver, [...this.of(sliver).filter((other) => other.name !== name), one]);
    return one;
  }
}
