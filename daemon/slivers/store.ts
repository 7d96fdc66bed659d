import { SliverdError } from '../errors.ts';
import { DEFAULT_RSPEC } from '../resources/rspec.ts';
import type { Database } from '../store/database.ts';
import { NOTHING_REVOKED } from './keys/revocation.ts';
import { type Desired, MAX_ID, type SliverRecord } from './record.ts';

interface Row {
  id: number;
  name: string;
  environment: string;
  image_digest: string;
  image_name: string;
  profile: string;
  rspec: string;
  keys: string;
  initscript: string | null;
  expires_at: number | null;
  desired: string;
  disk: number;
  run: number;
  created_at: number;
  revoked: string | null;
  roles: string | null;
  authority: string | null;
}

export function noSuchSliver(name: string): SliverdError {
  return new SliverdError('not-found', `there is no sliver '${name.slice(0, 60)}' on this node`);
}

/** The records of slivers: a cache in memory of a table on disk, every write durable before it returns. */
export class SliverStore {
  readonly #database: Database;
  readonly #byId = new Map<number, SliverRecord>();
  readonly #byName = new Map<string, SliverRecord>();

  constructor(database: Database) {
    this.#database = database;
    for (const row of database.sql.prepare('SELECT * FROM slivers ORDER BY id').all())
      this.#remember(fromRow(row as unknown as Row));
  }

  list(): SliverRecord[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  byId(id: number): SliverRecord | undefined {
    return this.#byId.get(id);
  }

  find(name: string): SliverRecord | undefined {
    return this.#byName.get(name);
  }

  get(name: string): SliverRecord {
    const record = this.find(name);
    if (record) return record;
    throw noSuchSliver(name);
  }

  /** Adds a record under the next free id; ids go round, so that one just freed is the last to come again. */
  add(record: Omit<SliverRecord, 'id'>): SliverRecord {
    if (this.#byName.has(record.name))
      throw new SliverdError('exists', `there is a sliver '${record.name}' already`);
    const sql = this.#database.sql;
    return this.#database.transaction(() => {
      const last = sql.prepare("SELECT value FROM node WHERE key = 'last_sliver_id'").get() as
        | { value: string }
        | undefined;
      const id = this.#nextId(Number(last?.value ?? 0));
      sql
        .prepare(
          "INSERT INTO node VALUES ('last_sliver_id', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )
        .run(String(id));
      const whole: SliverRecord = { ...record, id };
      this.#write(whole);
      return this.#remember(whole);
    });
  }

  /** Replaces members of a record. */
  change(id: number, changes: Partial<Omit<SliverRecord, 'id' | 'name'>>): SliverRecord {
    const record = this.#byId.get(id);
    if (!record) throw new SliverdError('not-found', `there is no sliver with the id ${id}`);
    const changed: SliverRecord = { ...record, ...changes };
    this.#write(changed);
    return this.#remember(changed);
  }

  remove(id: number): void {
    this.#database.sql.prepare('DELETE FROM slivers WHERE id = ?').run(id);
    const record = this.#byId.get(id);
    this.#byId.delete(id);
    if (record) this.#byName.delete(record.name);
  }

  #nextId(last: number): number {
    for (let step = 1; step <= MAX_ID; step++) {
      const id = ((last + step - 1) % MAX_ID) + 1;
      if (!this.#byId.has(id)) return id;
    }
    throw new SliverdError('no-capacity', `all ${MAX_ID} sliver ids of this node are in use`);
  }

  #remember(record: SliverRecord): SliverRecord {
    this.#byId.set(record.id, record);
    this.#byName.set(record.name, record);
    return record;
  }

  #write(r: SliverRecord): void {
    this.#database.sql
      .prepare('INSERT OR REPLACE INTO slivers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        r.id,
        r.name,
        r.environment,
        r.imageDigest,
        r.imageName,
        r.profile,
        JSON.stringify(r.rspec),
        JSON.stringify(r.keys),
        r.initscript,
        r.expiresAt,
        r.desired,
        r.disk,
        r.run,
        r.createdAt,
        r.revoked.items.length > 0 ? JSON.stringify(r.revoked) : null,
        r.roles.length > 0 ? JSON.stringify(r.roles) : null,
        r.authority,
      );
  }
}

function fromRow(row: Row): SliverRecord {
  return {
    id: row.id,
    name: row.name,
    environment: row.environment,
    imageDigest: row.image_digest,
    imageName: row.image_name,
    profile: row.profile,
    rspec: { ...DEFAULT_RSPEC, ...JSON.parse(row.rspec) }, // a version before may not have known all keys
    keys: JSON.parse(row.keys),
    initscript: row.initscript,
    expiresAt: row.expires_at,
    desired: row.desired as Desired,
    disk: row.disk,
    run: row.run,
    createdAt: row.created_at,
    revoked: row.revoked === null ? NOTHING_REVOKED : JSON.parse(row.revoked),
    roles: row.roles === null ? [] : JSON.parse(row.roles),
    authority: row.authority,
  };
}
