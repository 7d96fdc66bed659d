import type { Refused } from '../../netns/network-limits.ts';
import type { SliverNetwork } from '../../netns/sliver-network.ts';
import type { EventLog } from '../events/log.ts';
import type { Database } from '../store/database.ts';
import type { SliverStore } from './store.ts';

export interface RefusalOptions {
  readonly network: SliverNetwork;
  readonly store: SliverStore;
  readonly database: Database;
  readonly events: EventLog;
}

type Reason = keyof Refused;
/** What was counted for a sliver, and what the kernel's own counter said then. */
interface Count {
  packets: number;
  seen: number;
  /** When it last grew, on the monotonic clock. */
  grown: number;
}

/** nft lists a hundred slivers in 5 ms: once a second that would be most of what an idle node takes. */
const LOOK_EVERY = 10_000;
/** Who ran into a limit is told so once, and anew after it has been quiet for this long. */
const QUIET = 600_000;
const NONE: Refused = { connections: 0, rate: 0, destinations: 0, owner: 0, spoofed: 0 };

/**
 * What of slivers' packets wasn't let through, by sliver and reason, over the whole life of a sliver. The kernel's counters
 * begin anew with a sliver's start, or when somebody flushed the rules; these don't go backwards.
 */
export class Refusals {
  readonly #options: RefusalOptions;
  readonly #counts = new Map<number, Map<Reason, Count>>();
  readonly #timer: NodeJS.Timeout;
  readonly #unlisten: () => void;

  constructor(options: RefusalOptions) {
    this.#options = options;
    const rows = options.database.sql.prepare('SELECT * FROM refusals').all() as {
      sliver: number;
      reason: Reason;
      packets: number;
      seen: number;
    }[];
    for (const { sliver, reason, packets, seen } of rows)
      this.#countsOf(sliver).set(reason, { packets, seen, grown: Number.NEGATIVE_INFINITY });
    this.#unlisten = options.events.listen(({ type, data }) => {
      if (type !== 'sliver.deleted') return;
      this.#counts.delete(Number(data.id));
      options.database.sql.prepare('DELETE FROM refusals WHERE sliver = ?').run(Number(data.id));
    });
    this.#timer = setInterval(() => this.#try(), LOOK_EVERY).unref();
  }

  /** Of a sliver since it was created. */
  of(id: number): Refused {
    this.look();
    return this.counted(id);
  }

  /** The same as of the last look, ten seconds ago at most. */
  counted(id: number): Refused {
    const counts = [...(this.#counts.get(id) ?? [])].map(([reason, { packets }]) => [reason, packets]);
    return { ...NONE, ...Object.fromEntries(counts) };
  }

  /** Adds what the kernel has counted since the last look; durable on return. */
  look(): void {
    const { network, store, database, events } = this.#options;
    const grown: [number, Reason, Count][] = [];
    for (const [id, refused] of network.refused()) {
      if (!store.byId(id)) continue;
      for (const [reason, now] of Object.entries(refused) as [Reason, number][]) {
        const count = this.#countsOf(id).get(reason) ?? {
          packets: 0,
          seen: 0,
          grown: Number.NEGATIVE_INFINITY,
        };
        if (now === count.seen) continue;
        const more = now > count.seen ? now - count.seen : now;
        this.#countsOf(id).set(reason, Object.assign(count, { packets: count.packets + more, seen: now }));
        grown.push([id, reason, count]);
      }
    }
    if (grown.length === 0) return;
    const save = database.sql.prepare('INSERT OR REPLACE INTO refusals VALUES (?, ?, ?, ?)');
    database.transaction(() => {
      for (const [id, reason, { packets, seen }] of grown) save.run(id, reason, packets, seen);
    });
    for (const [id, reason, count] of grown) {
      const quiet = performance.now() - count.grown;
      count.grown = performance.now();
      const name = store.byId(id)?.name;
      if (name && count.seen > 0 && quiet > QUIET)
        events.record('network.refused', name, { reason, packets: count.packets });
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#unlisten();
    this.#try();
  }

  /** What fails, as while somebody takes the rules away, the next look makes up for. */
  #try(): void {
    try {
      this.look();
    } catch {}
  }

  #countsOf(id: number): Map<Reason, Count> {
    const counts = this.#counts.get(id) ?? new Map<Reason, Count>();
    this.#counts.set(id, counts);
    return counts;
  }
}
