import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Filter } from './filter.ts';
import type { Flow } from './flow.ts';
import { INDEX_SCHEMA, type Prepare, type Row, Search, spanOf } from './search.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS flows (
    id INTEGER PRIMARY KEY, sliver INTEGER NOT NULL, peer INTEGER, protocol INTEGER NOT NULL,
    inbound INTEGER NOT NULL, remote BLOB NOT NULL, remote_port INTEGER NOT NULL, local BLOB NOT NULL,
    local_port INTEGER NOT NULL, inside TEXT, sent_bytes INTEGER NOT NULL, sent_packets INTEGER NOT NULL,
    received_bytes INTEGER NOT NULL, received_packets INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
    span INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS locals (address BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;`;

/** Ports and addresses come in no order: a page of their indices is written again and again, and not to its place each time. */
const [CACHE_KIB, WAL_PAGES] = [16_384, 8192];

/** Flows of some stretch of time: a file of its own, so that the oldest are removed in no time and whole. */
export class Segment {
  readonly #sql: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #locals = new Set<string>();

  private constructor(sql: DatabaseSync) {
    this.#sql = sql;
  }

  /** To be written. A power cut may cost the last moments, which the next recorder tells; it breaks nothing. */
  static write(path: string): Segment {
    // Who reads it first after a crash makes it whole again, and has it alone meanwhile.
    const sql = new DatabaseSync(path, { timeout: 5000 });
    try {
      sql.exec(
        `PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
        PRAGMA cache_size=-${CACHE_KIB}; PRAGMA wal_autocheckpoint=${WAL_PAGES}`,
      );
      // At once: who reads it finds all of it, or nothing.
      sql.exec(`BEGIN IMMEDIATE; ${SCHEMA} ${INDEX_SCHEMA} COMMIT`);
      return new Segment(sql);
    } catch (error) {
      sql.close();
      throw error;
    }
  }

  /** Undefined as long as it is being made. */
  static read(path: string): Segment | undefined {
    const sql = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
    if (sql.prepare("SELECT 1 FROM sqlite_master WHERE name = 'locals'").get()) return new Segment(sql);
    sql.close();
    return undefined;
  }

  /** All of them or, on failure, none. */
  add(flows: readonly Flow[]): void {
    const insert = this.#prepared(`INSERT INTO flows VALUES (NULL${', ?'.repeat(16)})`);
    const known: string[] = [];
    this.#sql.exec('BEGIN IMMEDIATE');
    try {
      for (const flow of flows) {
        const local = flow.local.toString();
        if (!this.#locals.has(local)) {
          this.#prepared('INSERT OR IGNORE INTO locals VALUES (?)').run(flow.local);
          this.#locals.add(local);
          known.push(local);
        }
        insert.run(
          flow.sliver,
          flow.peer,
          flow.protocol,
          flow.inbound ? 1 : 0,
          flow.remote,
          flow.remotePort,
          flow.local,
          flow.localPort,
          flow.inside && JSON.stringify(flow.inside),
          flow.sent.bytes,
          flow.sent.packets,
          flow.received.bytes,
          flow.received.packets,
          flow.start,
          flow.end,
          spanOf(flow),
        );
      }
      this.#sql.exec('COMMIT');
    } catch (error) {
      for (const local of known) this.#locals.delete(local);
      if (this.#sql.isTransaction) this.#sql.exec('ROLLBACK');
      throw error;
    }
  }

  /** The time of the latest end; 0 when there is none. */
  get latest(): number {
    const row = this.#sql.prepare('SELECT max(end) AS end FROM flows').get();
    return Number(row?.end ?? 0);
  }

  /** At most `limit` of those asked for, the latest end first. */
  find(filter: Filter, limit: number): Flow[] {
    const indices = this.#prepared("SELECT name FROM sqlite_master WHERE type = 'index'").all();
    const search = new Search(this.#prepared, new Set(indices.map(({ name }) => String(name))));
    return search.find(filter, (address) => this.#isLocal(address), limit).map(fromRow);
  }

  /** Nothing is added any more: one file without a companion. */
  seal(): void {
    try {
      this.#sql.exec('PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE');
    } catch {
      // Somebody reads it: it stays as it is, which does no harm.
    }
    this.close();
  }

  close(): void {
    this.#sql.close();
  }

  #isLocal(address: Uint8Array): boolean {
    return this.#prepared('SELECT 1 FROM locals WHERE address = ?').get(address) !== undefined;
  }

  readonly #prepared: Prepare = (sql) => {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#sql.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  };
}

function fromRow(row: Row): Flow {
  const number = (name: string) => Number(row[name]);
  return {
    sliver: number('sliver'),
    peer: row.peer === null ? null : number('peer'),
    protocol: number('protocol'),
    inbound: row.inbound === 1,
    remote: row.remote as Uint8Array,
    remotePort: number('remote_port'),
    local: row.local as Uint8Array,
    localPort: number('local_port'),
    inside: row.inside === null ? null : JSON.parse(String(row.inside)),
    sent: { bytes: number('sent_bytes'), packets: number('sent_packets') },
    received: { bytes: number('received_bytes'), packets: number('received_packets') },
    start: number('start'),
    end: number('end'),
  };
}
