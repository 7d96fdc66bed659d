import type { Answer, FoundFlow } from '../../netns/flows/archive.ts';
import type { Filter } from '../../netns/flows/filter.ts';
import type { FlowRecords } from '../../netns/flows/index.ts';
import { SliverdError } from '../errors.ts';
import type { EventLog } from '../events/log.ts';
import type { Database } from '../store/database.ts';
import type { SliverStore } from './store.ts';

export interface FlowsOptions {
  /** None where slivers have no network to share. */
  readonly records: FlowRecords | undefined;
  readonly store: SliverStore;
  readonly database: Database;
  readonly events: EventLog;
}

/** Slivers, gone ones too, of which it is known who had which id. */
const REMEMBERED = 100_000;

/** A flow with the names of the slices whose it was; null is one that nobody remembers. */
export type NamedFlow = Omit<FoundFlow, 'sliver' | 'peer'> & {
  readonly slice: string | null;
  readonly sliver: number;
  readonly peer: string | null;
};

/** Who had an id, and when; milliseconds since 1970. */
interface Tenure {
  readonly id: number;
  readonly name: string;
  readonly began: number;
  readonly ended: number | null;
}

/**
 * Which slice a flow was of. Flows are recorded by the ids of slivers (netns/flows); who had an id when is kept here, so
 * that the answer outlives the sliver, and the next one with its id.
 */
export class Flows {
  readonly #options: FlowsOptions;

  constructor(options: FlowsOptions) {
    this.#options = options;
    const { events, store } = options;
    this.#reconcile(store.list());
    events.listen(({ type, subject, data }) => {
      if (type === 'sliver.created') this.#begin(Number(data.id), subject, Date.now());
      if (type === 'sliver.deleted') this.#end(Number(data.id));
    });
  }

  /**
   * Flows that were there at some time between `from` and `to`.
   * @param after what an earlier answer gave as `next`
   * @param slice only those of this one, and those to it from others of this node; it may be gone. Throws `not-found` when it never was.
   */
  async find(
    filter: Omit<Filter, 'sliver'>,
    limit: number,
    slice?: string,
    after?: number,
  ): Promise<Omit<Answer, 'flows'> & { flows: NamedFlow[] }> {
    const { records } = this.#options;
    if (!records)
      throw new SliverdError('unsupported', 'this node records no flows: its slivers have no network');
    const filters = slice === undefined ? [filter] : within(filter, this.#tenuresOf(slice));
    const { flows, ...rest } = await records.find(filters, limit, { after });
    const named = this.#named(flows);
    // One that an earlier sliver began may have ended in this one's time.
    return {
      ...rest,
      flows: slice === undefined ? named : named.filter((one) => one.slice === slice || one.peer === slice),
    };
  }

  #named(flows: readonly FoundFlow[]): NamedFlow[] {
    const statement = this.#sql.prepare('SELECT * FROM tenures WHERE id = ?');
    const known = new Map<number, Tenure[]>();
    const nameOf = (id: number, at: number) => {
      const tenures = known.get(id) ?? (statement.all(id) as unknown as Tenure[]);
      known.set(id, tenures);
      return whose(tenures, at);
    };
    return flows.map(({ sliver, peer, ...flow }) => {
      const at = flow.start || flow.end;
      return { ...flow, sliver, slice: nameOf(sliver, at), peer: peer === null ? null : nameOf(peer, at) };
    });
  }

  #tenuresOf(name: string): Tenure[] {
    const rows = this.#sql.prepare('SELECT * FROM tenures WHERE name = ?').all(name);
    if (rows.length === 0)
      throw new SliverdError('not-found', `this node has had no sliver '${name}' that it remembers`);
    return rows as unknown as Tenure[];
  }

  /** What was missed, as when the daemon was killed between a change and its event. */
  #reconcile(slivers: readonly { id: number; name: string; createdAt: number }[]): void {
    const open = this.#sql.prepare('SELECT * FROM tenures WHERE ended IS NULL').all() as unknown as Tenure[];
    const has = (id: number, name: string) => slivers.some((one) => one.id === id && one.name === name);
    this.#sql.exec(`DELETE FROM tenures WHERE rowid <= (SELECT max(rowid) FROM tenures) - ${REMEMBERED}`);
    for (const { id, name } of open) if (!has(id, name)) this.#end(id);
    for (const { id, name, createdAt } of slivers)
      if (!open.some((one) => one.id === id && one.name === name)) this.#begin(id, name, createdAt);
  }

  #begin(id: number, name: string, at: number): void {
    this.#sql.prepare('INSERT INTO tenures (id, name, began) VALUES (?, ?, ?)').run(id, name, at);
  }

  #end(id: number): void {
    this.#sql.prepare('UPDATE tenures SET ended = ? WHERE id = ? AND ended IS NULL').run(Date.now(), id);
  }

  get #sql() {
    return this.#options.database.sql;
  }
}

/** What is asked for, of each tenure that reaches into that time. */
function within(filter: Omit<Filter, 'sliver'>, tenures: readonly Tenure[]): Filter[] {
  return tenures.flatMap(({ id, began, ended }) => {
    const [from, to] = [
      Math.max(filter.from ?? 0, began),
      Math.min(filter.to ?? Infinity, ended ?? Infinity),
    ];
    return from <= to ? [{ ...filter, sliver: id, from, to }] : [];
  });
}

/** Who had an id then; where the clock was wrong, who came next to it. */
function whose(tenures: readonly Tenure[], at: number): string | null {
  const before = tenures.filter(({ began }) => began <= at);
  const some = before.length > 0 ? before : tenures;
  const distance = ({ began }: Tenure) => Math.abs(began - at);
  return some.toSorted((a, b) => distance(a) - distance(b))[0]?.name ?? null;
}
