import type { Protocol } from '../../netns/ports/layout.ts';
import type { PortEntry, SharedPorts } from '../../netns/ports/shared-ports.ts';
import { SliverdError } from '../errors.ts';
import type { EventLog } from '../events/log.ts';
import type { Database } from '../store/database.ts';
import type { SliverStore } from './store.ts';

export interface PortOptions {
  /** None where the node has no shared address. */
  readonly ledger: SharedPorts | undefined;
  readonly store: SliverStore;
  readonly database: Database;
  readonly events: EventLog;
}

/** A port with its owner's name; null is the node itself. */
export type OwnedPort = Omit<PortEntry, 'sliver'> & { sliver: string | null };

/**
 * The ports of the shared address, by names of slivers. The kernel arbitrates binds (netns/ports); reservations are
 * kept here, so that they outlive a reboot, and end with their sliver.
 */
export class Ports {
  readonly #options: PortOptions;

  constructor(options: PortOptions) {
    this.#options = options;
    const { ledger, events, store } = options;
    if (!ledger) return;
    this.#restore(ledger);
    events.listen(({ type, data }) => {
      if (type === 'sliver.deleted') this.#forget(ledger, Number(data.id));
    });
    ledger.onDenied(({ sliver, owner, protocol, port, program, denied }) => {
      const name = store.byId(sliver)?.name;
      if (name)
        events.record('port.denied', name, {
          protocol: String(protocol),
          port,
          owner: this.#name(owner),
          program,
          denied,
        });
    });
  }

  /** How a sliver comes by a port here: by binding it, by reservation only, or not at all. */
  get had(): 'bind' | 'reservation' | 'none' {
    return this.#options.ledger?.had ?? 'none';
  }

  get why(): string | undefined {
    return this.#options.ledger?.why;
  }

  /** @param sliver only those of this one */
  list(sliver?: string): OwnedPort[] {
    const only = sliver === undefined ? undefined : this.#options.store.get(sliver).id;
    const entries = this.#options.ledger?.list() ?? [];
    return entries
      .filter((entry) => only === undefined || entry.sliver === only)
      .map((entry) => this.#owned(entry));
  }

  /**
   * Holds a port for a sliver. Durable on return. Throws `in-use` with the owner's name.
   * @param most so many of them may be held for it; `no-capacity` beyond
   */
  reserve(sliver: string, protocol: Protocol, port: number, most?: number): OwnedPort {
    const { id } = this.#options.store.get(sliver);
    const ledger = this.#ledger();
    if (most !== undefined && this.reservedBy(protocol, port) !== id && this.#reservationsOf(id) >= most)
      throw new SliverdError(
        'no-capacity',
        `${sliver} holds ${most} reservations, and may make no more itself: release some, or ask the administrator`,
      );
    this.#named(() => ledger.reserve(id, protocol, port));
    this.#options.database.sql
      .prepare('INSERT OR REPLACE INTO reservations VALUES (?, ?, ?, ?)')
      .run(String(protocol), port, id, Date.now());
    this.#options.events.record('port.reserved', sliver, { protocol: String(protocol), port });
    const entry = ledger.list().find((one) => one.protocol === protocol && one.port === port);
    if (!entry) throw new SliverdError('internal', `the reservation of ${protocol}/${port} is gone`);
    return this.#owned(entry);
  }

  /** The id of the sliver that a port is reserved for. */
  reservedBy(protocol: Protocol, port: number): number | undefined {
    const row = this.#options.database.sql
      .prepare('SELECT sliver FROM reservations WHERE protocol = ? AND port = ?')
      .get(String(protocol), port);
    return row?.sliver as number | undefined;
  }

  #reservationsOf(id: number): number {
    const sql = this.#options.database.sql;
    return sql.prepare('SELECT count(*) AS held FROM reservations WHERE sliver = ?').get(id)?.held as number;
  }

  /** Ends a reservation; sockets that hold the port go on. Throws `not-found` when there is none. */
  release(protocol: Protocol, port: number): void {
    const sql = this.#options.database.sql;
    const owner = this.reservedBy(protocol, port);
    if (owner === undefined) throw new SliverdError('not-found', `${protocol}/${port} is not reserved`);
    sql.prepare('DELETE FROM reservations WHERE protocol = ? AND port = ?').run(String(protocol), port);
    this.#ledger().release(owner, protocol, port);
    this.#options.events.record('port.released', this.#name(owner) ?? '', {
      protocol: String(protocol),
      port,
    });
  }

  /** Takes a port from whoever has it and ends its sockets. @returns what it was, if it was anybody's */
  async revoke(protocol: Protocol, port: number): Promise<OwnedPort | undefined> {
    const ledger = this.#ledger();
    this.#options.database.sql
      .prepare('DELETE FROM reservations WHERE protocol = ? AND port = ?')
      .run(String(protocol), port);
    const before = await ledger.revoke(protocol, port);
    if (!before) return undefined;
    const owned = this.#owned(before);
    if (owned.sliver)
      this.#options.events.record('port.revoked', owned.sliver, {
        protocol: String(protocol),
        port,
        by: owned.by,
      });
    return owned;
  }

  /** Keeps a port for the node itself: whichever sliver has it loses it, by a `port.revoked`. */
  async keep(protocol: Protocol, port: number): Promise<void> {
    const { ledger } = this.#options;
    try {
      ledger?.keep(protocol, port);
    } catch (error) {
      if (!(error instanceof SliverdError) || error.code !== 'in-use') throw error;
      await this.revoke(protocol, port);
      ledger?.keep(protocol, port);
    }
  }

  /** What the database says is in the ledger, and nothing else is reserved there. */
  #restore(ledger: SharedPorts): void {
    const rows = this.#options.database.sql.prepare('SELECT * FROM reservations').all() as {
      protocol: string;
      port: number;
      sliver: number;
    }[];
    const key = (protocol: Protocol, port: number) => `${protocol}/${port}`;
    const wanted = new Set(rows.map((row) => key(row.protocol as Protocol, row.port)));
    for (const { by, sliver, protocol, port } of ledger.list())
      if (by === 'reservation' && !wanted.has(key(protocol, port))) ledger.release(sliver, protocol, port);
    for (const row of rows) {
      try {
        ledger.reserve(row.sliver, protocolOf(row.protocol), row.port);
      } catch (error) {
        if (!(error instanceof SliverdError) || error.code !== 'in-use') throw error;
        // The node has taken it since: its own ports come first.
        const name = this.#name(row.sliver);
        if (name)
          this.#options.events.record('port.revoked', name, { protocol: row.protocol, port: row.port });
      }
    }
  }

  #forget(ledger: SharedPorts, id: number): void {
    const sql = this.#options.database.sql;
    const rows = sql.prepare('SELECT protocol, port FROM reservations WHERE sliver = ?').all(id) as {
      protocol: string;
      port: number;
    }[];
    for (const { protocol, port } of rows) ledger.release(id, protocolOf(protocol), port);
    sql.prepare('DELETE FROM reservations WHERE sliver = ?').run(id);
  }

  #ledger(): SharedPorts {
    if (this.#options.ledger) return this.#options.ledger;
    throw new SliverdError(
      'unsupported',
      "slivers share no public address here: 'sliverctl status' says why",
    );
  }

  /** The ledger knows numbers, people know names. */
  #named<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof SliverdError) || error.code !== 'in-use') throw error;
      const owner = this.#name(Number(error.extra.owner));
      throw new SliverdError('in-use', `the port belongs to ${owner ?? 'the node'}`, {
        cause: error,
        extra: { usedBy: [owner ?? 'the node'] },
      });
    }
  }

  #owned({ sliver, ...entry }: PortEntry): OwnedPort {
    return { ...entry, sliver: this.#name(sliver) };
  }

  #name(id: number): string | null {
    return this.#options.store.byId(id)?.name ?? null;
  }
}

/** `tcp`, `udp` or a number, from its text. */
export function protocolOf(text: string): Protocol {
  return text === 'tcp' || text === 'udp' ? text : Number(text);
}
