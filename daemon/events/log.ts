import { EventEmitter } from 'node:events';
import type { Database } from '../store/database.ts';
import type { Event } from './event.ts';

const KEPT = 10_000;

/**
 * What happened, in order: kept in the database, bounded, so that a reader can resume where it was; and told at once
 * to those who listen. Progress of work is told only, with id 0: nobody wants it afterwards.
 */
export class EventLog {
  readonly #database: Database;
  readonly #listeners = new EventEmitter();
  #sincePruned = 0;

  constructor(database: Database) {
    this.#database = database;
    this.#listeners.setMaxListeners(0);
    this.#prune();
  }

  /** Keeps an event and tells it. Durable on return. */
  record(type: string, subject: string, data: Record<string, unknown> = {}): void {
    const time = Date.now();
    const { lastInsertRowid } = this.#database.sql
      .prepare('INSERT INTO events (time, type, subject, data) VALUES (?, ?, ?, ?)')
      .run(time, type, subject, JSON.stringify(data));
    if (++this.#sincePruned >= KEPT / 10) this.#prune();
    this.#tell({ id: Number(lastInsertRowid), time: new Date(time).toISOString(), type, subject, data });
  }

  /** Tells an event without keeping it. */
  progress(type: string, subject: string, data: Record<string, unknown>): void {
    if (this.#listeners.listenerCount('event') === 0) return;
    this.#tell({ id: 0, time: new Date().toISOString(), type, subject, data });
  }

  /**
   * Kept events after an id, oldest first.
   * @param subjects those of these alone
   */
  after(id: number, limit: number, subjects?: readonly string[]): Event[] {
    const where = subjects === undefined ? '' : 'AND subject IN (SELECT value FROM json_each(:subjects))';
    const rows = this.#database.sql
      .prepare(`SELECT * FROM events WHERE id > :id ${where} ORDER BY id LIMIT :limit`)
      .all({ id, limit, ...(subjects === undefined ? {} : { subjects: JSON.stringify(subjects) }) });
    return rows.map((row) => ({
      id: row.id as number,
      time: new Date(row.time as number).toISOString(),
      type: row.type as string,
      subject: row.subject as string,
      data: JSON.parse(row.data as string),
    }));
  }

  /** The id of the newest kept event. */
  get newest(): number {
    const row = this.#database.sql.prepare('SELECT max(id) AS id FROM events').get() as { id: number | null };
    return row.id ?? 0;
  }

  /** Calls back for each event from now on; returns what ends it. */
  listen(listener: (event: Event) => void): () => void {
    this.#listeners.on('event', listener);
    return () => this.#listeners.off('event', listener);
  }

  #tell(event: Event): void {
    this.#listeners.emit('event', event);
  }

  #prune(): void {
    this.#sincePruned = 0;
    this.#database.sql.prepare('DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?').run(KEPT);
  }
}
