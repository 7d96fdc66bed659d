import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SliverdError } from '../errors.ts';
import { MIGRATIONS } from './migrations.ts';

/**
 * The truth of what should exist: one SQLite database in WAL mode with full sync, so that what was acknowledged
 * survives a power cut. Modules prepare their own statements on `sql`; this file knows no table's meaning.
 */
export class Database {
  readonly sql: DatabaseSync;

  /** Opens (or makes) the database and brings its schema up to date. A newer schema than ours is refused. */
  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.sql = new DatabaseSync(path);
    try {
      // Exclusive: two daemons on one state would undo each other's work. The kernel frees the lock of a dead one.
      this.sql.exec(
        'PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON',
      );
      this.sql.exec('BEGIN IMMEDIATE; COMMIT');
    } catch (cause) {
      const busy = (cause as { errcode?: number }).errcode === 5;
      throw new SliverdError(
        'bad-config',
        busy ? `another sliverd has the state in ${dirname(path)}` : `opening the database ${path}`,
        { cause },
      );
    }
    const { user_version: version } = this.sql.prepare('PRAGMA user_version').get() as {
      user_version: number;
    };
    if (version > MIGRATIONS.length)
      throw new SliverdError(
        'bad-config',
        `${path} was written by a newer sliverd (schema ${version}, this one knows ${MIGRATIONS.length}): install that version again`,
      );
    MIGRATIONS.slice(version).forEach((migration, index) => {
      this.transaction(() => {
        this.sql.exec(migration);
        this.sql.exec(`PRAGMA user_version=${version + index + 1}`);
      });
    });
  }

  /** All of `work` or nothing of it, durable on return. */
  transaction<T>(work: () => T): T {
    this.sql.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.sql.exec('COMMIT');
      return result;
    } catch (error) {
      this.sql.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.sql.close();
  }
}
