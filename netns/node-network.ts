import { during } from '../daemon/errors.ts';
import { Connections } from './connections.ts';
import type { FlowRecords } from './flows/index.ts';
import { Healing } from './healing/healing.ts';
import { addressIn } from './ipv6/prefix.ts';
import type { Knocks } from './limits/knocks.ts';
import { linkedIn } from './members.ts';
import type { NetworkLimits, NetworkUsage, Refused, TrafficCounters } from './network-limits.ts';
import { linkOf } from './numbers.ts';
import { type NetworkOptions, Parts } from './parts.ts';
import type { SharedPorts } from './ports/shared-ports.ts';
import type { SliverNetwork } from './sliver-network.ts';
import type { Uplink } from './uplink.ts';

/**
 * The network of a node whose slivers share its public address (docs/decisions/0017-shared-address.md). It lives in
 * the network namespace that the daemon is in, the machine's or any other; all of it is made anew or found in place by
 * `up`, mended when somebody else takes a part away, and undone by `down`.
 */
export class NodeNetwork implements SliverNetwork {
  readonly #parts: Parts;
  readonly #connections: Connections;
  readonly #healing: Healing;

  /** @param parts all of them there */
  private constructor(parts: Parts) {
    this.#parts = parts;
    this.#connections = new Connections(parts);
    this.#healing = new Healing(parts, this.#connections);
  }

  static async up(uplink: Uplink, options: NetworkOptions): Promise<NodeNetwork> {
    const parts = new Parts(uplink, options);
    await during(`sharing the address of ${uplink.name}`, async () => {
      await parts.carrier.make();
      await parts.carrier.route();
      await parts.arbitrate();
      // What an earlier daemon left may have the programs of another version, and the rules count on these.
      const seen = await parts.net.snapshot();
      const linked = linkedIn(seen.links);
      await parts.guard.look(linked, uplink, seen);
      // Rules ahead of forwarding, which is for slivers alone.
      await parts.makeRules();
      await parts.keepForwarding(linked, seen);
    });
    await parts.shape();
    await parts.record();
    return new NodeNetwork(parts);
  }

  get ports(): SharedPorts {
    return this.#parts.ledger ?? this.#parts.reserved;
  }

  get flows(): FlowRecords | undefined {
    return this.#parts.flows;
  }

  get counters(): TrafficCounters | undefined {
    return this.#parts.shaping?.traffic;
  }

  get knocks(): Knocks | undefined {
    return this.#parts.options.door === undefined ? undefined : this.#parts.rules.knocks;
  }

  get uplink(): string {
    return this.#parts.uplink.name;
  }

  get degraded(): SliverNetwork['degraded'] {
    return this.#parts.degraded;
  }

  attach(id: number, pid: number, limits: NetworkLimits): Promise<void> {
    return this.#connections.attach(id, pid, limits);
  }

  detach(id: number): Promise<void> {
    return this.#connections.detach(id);
  }

  addresses(id: number): string[] {
    const { members, uplink } = this.#parts;
    const { address, prefix } = uplink;
    return members.has(id) ? [address, ...(prefix ? [addressIn(prefix, id)] : [])] : [];
  }

  async usage(id: number): Promise<NetworkUsage> {
    return (await this.#parts.shaping?.usage(id)) ?? {};
  }

  async usages(ids: readonly number[]): Promise<ReadonlyMap<number, NetworkUsage>> {
    return (await this.#parts.shaping?.usages(ids)) ?? new Map();
  }

  refused(): ReadonlyMap<number, Refused> {
    return this.#parts.rules.limiter.refused();
  }

  async sweep(known: ReadonlySet<number>): Promise<string[]> {
    const strange = [...this.#parts.members.keys()].filter((id) => !known.has(id));
    for (const id of strange) await this.detach(id);
    return strange.map((id) => `link ${linkOf(id)}`);
  }

  async down(): Promise<void> {
    await this.#healing.end();
    await this.#connections.removeLinks();
    await this.#parts.down();
  }
}
