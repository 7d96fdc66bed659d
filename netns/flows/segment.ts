import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite';
import { type Filter, type Variant, variants } from './filter.ts';
import type { Flow } from './flow.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS flows (
    id INTEGER PRIMARY KEY, sliver INTEGER NOT NULL, peer INTEGER, protocol INTEGER NOT NULL,
    inbound INTEGER NOT NULL, remote BLOB NOT NULL, remote_port INTEGER NOT NULL, local BLOB NOT NULL,
    local_port INTEGER NOT NULL, inside TEXT, sent_bytes INTEGER NOT NULL, sent_packets INTEGER NOT NULL,
    received_bytes INTEGER NOT NULL, received_packets INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
    span INTEGER NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS by_remote ON flows (remote, span, end);
  CREATE INDEX IF NOT EXISTS by_sliver ON flows (sliver, span, end);
  CREATE INDEX IF NOT EXISTS by_peer ON flows (peer, span, end) WHERE peer IS NOT NULL;
  CREATE INDEX IF NOT EXISTS by_time ON flows (span, end);
  CREATE TABLE IF NOT EXISTS locals (address BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;`;

/**
 * Classes of duration, by the longest of each, milliseconds. What was there at a time is found by when it ended, and how
 * long after that time it may have: of short flows there are many, and they ended soon.
 */
const SPANS = [300_000, 3_600_000, 86_400_000, Number.MAX_SAFE_INTEGER] as const;

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
    sql.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL');
    sql.exec(SCHEMA);
    return new Segment(sql);
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
    const found = new Map<number, Flow>();
    for (const variant of variants(filter)) {
      if (variant.local.address && !this.#isLocal(variant.local.address)) continue;
      for (const by of indexesFor(filter, variant))
        for (const [span, longest] of SPANS.entries()) {
          const { sql, values } = statement(filter, variant, by, [span, longest]);
          for (const row of this.#prepared(sql).all(...values, limit))
            found.set(Number(row.id), fromRow(row));
        }
    }
    return [...found.values()].sort((a, b) => b.end - a.end).slice(0, limit);
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

  #prepared(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#sql.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

function spanOf({ start, end }: Flow): number {
  return SPANS.findIndex((longest) => end - start <= longest);
}

type Index = 'remote' | 'sliver' | 'peer' | 'time';

/** The narrowest ways to what is asked for. */
function indexesFor({ sliver }: Filter, { remote }: Variant): Index[] {
  if (sliver !== undefined) return ['sliver', 'peer'];
  return remote.address ? ['remote'] : ['time'];
}

function statement(
  { protocol, sliver, from = -Infinity, to = Infinity }: Filter,
  { inbound, local, remote }: Variant,
  by: Index,
  [span, longest]: readonly [number, number],
): { sql: string; values: (bigint | Uint8Array)[] } {
  const terms: [string, number | Uint8Array | undefined][] = [
    [`${by} = ?`, by === 'sliver' || by === 'peer' ? sliver : undefined],
    ['remote = ?', remote.address],
    ['local = ?', local.address],
    ['remote_port = ?', remote.port],
    ['local_port = ?', local.port],
    ['protocol = ?', protocol],
    ['inbound = ?', inbound ? 1 : 0],
    ['span = ?', span],
    ['end >= ?', from > -Infinity ? from : undefined],
    ['end <= ?', to < Infinity ? Math.min(to + longest, Number.MAX_SAFE_INTEGER) : undefined],
    ['start <= ?', to < Infinity ? to : undefined],
  ];
  const given = terms.filter((term): term is [string, number | Uint8Array] => term[1] !== undefined);
  return {
    sql: `SELECT * FROM flows INDEXED BY by_${by} WHERE ${given.map(([term]) => term).join(' AND ')} ORDER BY end DESC LIMIT ?`,
    values: given.map(([, value]) => (typeof value === 'number' ? BigInt(Math.round(value)) : value)),
  };
}

function fromRow(row: Record<string, SQLOutputValue>): Flow {
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
