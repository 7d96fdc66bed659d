import { SliverdError } from '../../daemon/errors.ts';
import type { Verb } from '../ruleset/expressions.ts';
import type { Reservation } from '../ruleset/reservations.ts';
import { named, type Protocol, slotOf } from './layout.ts';
import type { PortEntry, SharedPorts } from './shared-ports.ts';

export interface ReservedOptions {
  /** Ports that the node's own sockets sit on. */
  own(): { protocol: Protocol; port: number }[];
  /** Delivers to a sliver what comes in for a port, from now on or no more. */
  deliver(verb: Verb, reservation: Reservation): void;
}

/**
 * Ports where the kernel can't arbitrate binds: a sliver has what was reserved for it, and what it binds beside that is
 * reached by nobody. Reservations are kept by whoever makes them (daemon/slivers/ports.ts); these are the ones in force.
 */
export class ReservedPorts implements SharedPorts {
  readonly had = 'reservation';
  why = '';
  readonly #options: ReservedOptions;
  /** By slot. */
  readonly #held = new Map<number, Reservation & { since: Date }>();
  #own = new Map<number, Date>();
  readonly #kept = new Set<number>();

  constructor(options: ReservedOptions) {
    this.#options = options;
  }

  /** For a ruleset that is made anew. */
  reservations(): Reservation[] {
    return [...this.#held.values()];
  }

  list(): PortEntry[] {
    this.#look();
    const entry = (slot: number, id: number, since: Date): PortEntry => ({
      ...named(slot),
      sliver: id,
      since,
      by: id ? 'reservation' : 'node',
      sockets: 0,
    });
    const held = [...this.#held].map(([slot, { id, since }]) => ({ slot, id, since }));
    const own = [...this.#own].map(([slot, since]) => ({ slot, id: 0, since }));
    const all = [...held, ...own.filter(({ slot }) => !this.#held.has(slot))];
    return all.sort((a, b) => a.slot - b.slot).map(({ slot, id, since }) => entry(slot, id, since));
  }

  reserve(id: number, protocol: Protocol, port: number): void {
    const slot = slotOf(protocol, port);
    const owner = this.#owner(slot);
    if (owner === id) return;
    if (owner !== undefined) throw inUse(protocol, port, owner);
    this.#options.deliver('add', { id, protocol, port });
    this.#held.set(slot, { id, protocol, port, since: new Date() });
  }

  release(id: number, protocol: Protocol, port: number): void {
    const slot = slotOf(protocol, port);
    const owner = this.#owner(slot);
    if (owner !== undefined && owner !== id) throw inUse(protocol, port, owner);
    this.#drop(slot);
  }

  async revoke(protocol: Protocol, port: number): Promise<PortEntry | undefined> {
    const slot = slotOf(protocol, port);
    const before = this.list().find((entry) => slotOf(entry.protocol, entry.port) === slot);
    if (before?.by === 'node') throw inUse(protocol, port, 0);
    this.#drop(slot);
    return before;
  }

  keep(protocol: Protocol, port: number): void {
    const slot = slotOf(protocol, port);
    const owner = this.#held.get(slot)?.id;
    if (owner !== undefined) throw inUse(protocol, port, owner);
    this.#kept.add(slot);
  }

  onDenied(): void {
    // Nothing is denied at a bind.
  }

  #drop(slot: number): void {
    const held = this.#held.get(slot);
    if (held) this.#options.deliver('delete', held);
    this.#held.delete(slot);
  }

  /** First come, first served, the node's own sockets too. */
  #owner(slot: number): number | undefined {
    const held = this.#held.get(slot);
    if (held) return held.id;
    this.#look();
    return this.#own.has(slot) ? 0 : undefined;
  }

  #look(): void {
    const sitting = this.#options.own().map(({ protocol, port }) => slotOf(protocol, port));
    const slots = new Set([...this.#kept, ...sitting]);
    this.#own = new Map([...slots].map((slot) => [slot, this.#own.get(slot) ?? new Date()]));
  }
}

function inUse(protocol: Protocol, port: number, owner: number): SliverdError {
  const whose = owner === 0 ? 'the node' : `sliver ${owner}`;
  return new SliverdError('in-use', `${protocol}/${port} belongs to ${whose}`, { extra: { owner } });
}
