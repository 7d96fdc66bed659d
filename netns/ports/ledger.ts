import { SliverdError } from '../../daemon/errors.ts';
import { word } from '../attributes.ts';
import { attachToLink, type Direction, detachFromLink, isAttachedToLink } from '../bpf/filters.ts';
import { type Lacking, Programs } from '../bpf/programs.ts';
import { runProgram, update } from '../bpf/syscall.ts';
import { forgetFlows } from '../forget.ts';
import { type Denial, DenialReader } from './denials.ts';
import { Homes } from './homes.ts';
import { COMMAND_BYTES, NODE, named, Operation, type Protocol, RESERVED, slotOf, timeOf } from './layout.ts';
import { prefixRecord, type Settings, settingsRecord } from './settings.ts';
import type { PortEntry, SharedPorts } from './shared-ports.ts';
import { SliverLinks } from './sliver-links.ts';
import { type Slot, Slots } from './slots.ts';
import { destroySockets } from './squatter.ts';

export interface LedgerOptions {
  /** Where the node's bpf file system is, or is to be mounted. */
  bpf: string;
  /** The cgroup that all slivers are in. */
  cgroup: string;
  settings: Settings;
  /** The folder of the compiled programs; default: what scripts/build made. */
  objects?: string;
}

/**
 * Who owns each port of the shared address. The kernel decides, at each bind, by the programs of netns/bpf; this is
 * how the daemon looks at it and has its word. Nothing here waits, but `open`, `revoke` and `down`.
 */
export class PortLedger implements SharedPorts {
  readonly had = 'bind';
  /** All programs of the node, those of others in this folder too. */
  readonly programs: Programs;
  readonly #slots: Slots;
  readonly #homes: Homes;
  readonly #sliverLinks: SliverLinks;
  readonly #kept = new Set<number>();
  #reader: DenialReader | undefined;

  private constructor(programs: Programs) {
    this.programs = programs;
    this.#slots = new Slots(programs.map('ports'));
    this.#homes = new Homes(programs.map('homes'));
    this.#sliverLinks = new SliverLinks(programs);
  }

  /** Loads, pins and attaches what isn't there yet; what a daemon before this one left is adopted as it is. */
  static async open(options: LedgerOptions): Promise<PortLedger> {
    const ledger = new PortLedger(await Programs.load(options.bpf, options.cgroup, options.objects));
    ledger.configure(options.settings);
    return ledger;
  }

  /** Takes effect with the next bind and the next connection. */
  configure(settings: Settings): void {
    update(this.programs.map('settings'), word(0), settingsRecord(settings));
    update(this.programs.map('settings6'), word(0), prefixRecord(settings));
  }

  /**
   * From now on the sockets of this network namespace claim ports for the sliver. Again for the same one is nothing.
   * @param namespace such as /proc/PID/ns/net
   */
  addSliver(id: number, namespace: string): void {
    this.#homes.add(id, namespace);
  }

  /**
   * The sliver's namespace is gone: its sockets claim nothing any more, and what they held is free, even where
   * another process still has one open. Reservations stay. @returns how many ports were given up
   */
  removeSliver(id: number): number {
    this.#homes.remove(id);
    this.#sliverLinks.remove(id);
    let dropped = 0;
    for (const { slot, id: owner, sockets } of this.#slots.owned())
      if (owner === id && sockets > 0) {
        this.#command('evict', slot, id);
        dropped++;
      }
    return dropped;
  }

  /**
   * What comes in at this link of the node's for the shared address is marked with its owner, and what slivers send out there is
   * looked at and counted, unless it is so.
   */
  async keepUplink(uplink: number): Promise<void> {
    await this.#keep(uplink, 'ingress', 'from_world');
    await this.#keep(uplink, 'egress', 'to_world');
  }

  /** What is routed to the carrier is handed to the slivers' links, unless it is so. @param end its other end */
  async keepCarrier(carrier: number, end: number): Promise<void> {
    await this.#keep(carrier, 'egress', 'to_carrier');
    await this.#keep(end, 'ingress', 'from_carrier');
  }

  /**
   * The node's end of a sliver's link: TTLs are as on one machine, and source ports that are another's are marked
   * (FOREIGN_MARK), both from now on and until the link goes.
   * @param link its index
   */
  async addLink(id: number, link: number): Promise<void> {
    this.#sliverLinks.add(id, link);
    await this.#attach(link, 'ingress', 'from_sliver');
  }

  /** The same, unless it is so. */
  async keepLink(id: number, link: number): Promise<void> {
    this.#sliverLinks.add(id, link);
    await this.#keep(link, 'ingress', 'from_sliver');
    await detachFromLink(link, 'egress'); // an earlier version's
  }

  list(): PortEntry[] {
    return [...this.#slots.owned()].map((slot) => this.#entry(slot));
  }

  reserve(id: number, protocol: Protocol, port: number): void {
    this.#command('reserve', slotOf(protocol, port), id);
    // Those that can't be had forgotten end by themselves, when nobody has used them for ten minutes.
    if (typeof protocol === 'number') void forgetFlows(protocol).catch(() => {});
  }

  release(id: number, protocol: Protocol, port: number): void {
    this.#command('release', slotOf(protocol, port), id);
  }

  keep(protocol: Protocol, port: number): void {
    const slot = slotOf(protocol, port);
    this.#command('nodeTake', slot, 0);
    this.#kept.add(slot);
  }

  /** The ports of the node itself: exactly these and what it keeps, from now on. `in-use` when a sliver has one: revoke it first. */
  nodePorts(ports: readonly { protocol: Protocol; port: number }[]): void {
    const wanted = new Set([...this.#kept, ...ports.map(({ protocol, port }) => slotOf(protocol, port))]);
    for (const { slot, flags } of this.#slots.owned())
      if (flags & NODE && !wanted.has(slot)) this.#command('nodeRelease', slot, 0);
    for (const slot of wanted) this.#command('nodeTake', slot, 0);
  }

  /**
   * Takes a port from whoever has it, by bind or by reservation, and destroys the sockets that sit on it.
   * @param heir the sliver that it is then reserved for, before anybody else can take it
   * @returns whose it was, if anybody's
   */
  async revoke(protocol: Protocol, port: number, heir?: number): Promise<PortEntry | undefined> {
    const slot = slotOf(protocol, port);
    const before = this.#slots.at(slot);
    this.#command('revoke', slot, heir ?? 0);
    if (!before.owned) return undefined;
    const namespace = this.#homes.namespaceOf(before.id);
    if (before.sockets > 0 && namespace && typeof protocol === 'string')
      await destroySockets(namespace, protocol, port);
    return this.#entry(before);
  }

  /** Denied binds, those of the time without a daemon first. One listener. */
  onDenied(told: (denial: Denial) => void): void {
    this.#reader?.close();
    this.#reader = new DenialReader(this.programs.map('denials'), told);
  }

  /** How many binds were denied to a sliver since it was added. */
  deniedTo(id: number): number {
    return this.#homes.denied(id);
  }

  /** What the kernel doesn't do here, and what that costs. */
  get lacking(): readonly Lacking[] {
    return this.programs.lacking;
  }

  /** Puts right what was taken away from under the ledger: attachments, pins, their mount. @returns what it was */
  repair(): string[] {
    return this.programs.repair();
  }

  /**
   * Makes the ledger agree with what exists: only these slivers are known, and behind each port that is held there is a
   * socket. Reservations stay.
   * @param running namespaces by sliver id
   * @returns the claims that nobody stood behind
   */
  reconcile(running: ReadonlyMap<number, string>): PortEntry[] {
    const ghosts = this.list().filter(({ sliver, sockets }) => sockets > 0 && !running.has(sliver));
    for (const id of new Set([...this.#homes.ids(), ...ghosts.map(({ sliver }) => sliver)]))
      if (!running.has(id)) this.removeSliver(id);
    for (const [id, namespace] of running) this.addSliver(id, namespace);
    if (!this.programs.has('holders')) return ghosts;
    for (const seen of this.#slots.unheld(this.programs.program('holders'))) {
      ghosts.push(this.#entry(seen));
      this.#command('settle', seen.slot, 0, seen.state);
    }
    return ghosts;
  }

  /** Lets go of it; the programs and all claims stay. */
  close(): void {
    this.#reader?.close();
    this.#slots.close();
    this.programs.close();
  }

  /** Takes everything out of the kernel. */
  down(): void {
    this.close();
    this.programs.remove();
  }

  #attach(link: number, direction: Direction, name: string): Promise<void> {
    return attachToLink(link, direction, this.programs.program(name), name);
  }

  async #keep(link: number, direction: Direction, name: string): Promise<void> {
    if (!(await isAttachedToLink(link, direction, this.programs.program(name))))
      await this.#attach(link, direction, name);
  }

  #entry({ slot, id, flags, sockets, since }: Slot): PortEntry {
    const by = flags & NODE ? 'node' : flags & RESERVED ? 'reservation' : 'bind';
    return { ...named(slot), sliver: id, since: timeOf(since), by, sockets };
  }

  /** One command to the program that alone changes slots (slots.h). */
  #command(operation: keyof typeof Operation, slot: number, id: number, expected = 0n): void {
    const record = Buffer.alloc(COMMAND_BYTES);
    record.writeUInt32LE(Operation[operation], 0);
    record.writeUInt32LE(slot, 4);
    record.writeUInt32LE(id, 8);
    record.writeBigUInt64LE(expected, 16);
    runProgram(this.programs.program('command'), record);
    if (record.readInt32LE(12) === 0) return;
    const owner = record.readUInt32LE(24);
    const { protocol, port } = named(slot);
    throw new SliverdError(
      'in-use',
      `${operation} ${protocol}/${port}: it belongs to ${owner === 0 ? 'the node' : `sliver ${owner}`}`,
      { extra: { owner } },
    );
  }
}
