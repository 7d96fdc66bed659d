import type { Database } from '../store/database.ts';
import type { ImageRecord } from './store.ts';

interface Row extends Omit<ImageRecord, 'createdAt'> {
  created_at: number;
}

/** The names of images: the table `images`. */
export class ImageTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  list(): ImageRecord[] {
    return (this.#database.sql.prepare('SELECT * FROM images ORDER BY name').all() as unknown as Row[]).map(
      record,
    );
  }

  find(name: string): ImageRecord | undefined {
    const row = this.#database.sql.prepare('SELECT * FROM images WHERE name = ?').get(name);
    return row && record(row as unknown as Row);
  }

  digests(): Set<string> {
    return new Set(this.list().map((image) => image.digest));
  }

  insert(image: ImageRecord): void {
    this.#database.sql
      .prepare(
        'INSERT INTO images (name, digest, bytes, files, source, created_at) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(image.name, image.digest, image.bytes, image.files, image.source, image.createdAt);
  }

  delete(name: string): void {
    this.#database.sql.prepare('DELETE FROM images WHERE name = ?').run(name);
  }
}

function record({ created_at: createdAt, ...rest }: Row): ImageRecord {
  return { ...rest, createdAt };
}
