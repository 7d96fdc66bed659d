import { mkdirSync } from 'node:fs';
import { pino } from 'pino';
import { killCgroup, removeCgroup } from '../../../daemon/cgroups/tree.ts';
import { openNetwork } from '../../../netns/index.ts';
import { NO_CAPS, NO_LIMITS } from '../../../netns/network-limits.ts';
import { PortLedger } from '../../../netns/ports/ledger.ts';
import type { SliverNetwork } from '../../../netns/sliver-network.ts';
import { timed } from '../statistics.ts';
import type { Place, Probe } from './probe.ts';

/**
 * The network of a node, opened in this process's network namespace as the daemon opens it. A sliver here is the network
 * namespace and the cgroup of one, without the rest: attached by the same call as the daemon's.
 */
export class BenchNode {
  readonly #network: SliverNetwork;
  readonly #folder: string;
  readonly #cgroup: string;
  readonly #pids: readonly number[];

  private constructor(network: SliverNetwork, folder: string, cgroup: string, pids: readonly number[]) {
    this.#network = network;
    this.#folder = folder;
    this.#cgroup = cgroup;
    this.#pids = pids;
  }

  /** @param count how many slivers there can be */
  static async open(folder: string, probe: Probe, count: number): Promise<BenchNode> {
    const cgroup = `/sys/fs/cgroup/${folder.split('/').at(-1)}`;
    mkdirSync(`${cgroup}/sliver`, { recursive: true });
    const network = await openNetwork({
      runDirectory: folder,
      bpf: `${folder}/bpf`,
      cgroup,
      caps: NO_CAPS,
      refuse: [],
      flows: {
        folder: `${folder}/flows`,
        budget: { bytes: 2 ** 30, days: 1 },
        cgroup: `${cgroup}/flows`,
        version: 'bench',
      },
      log: pino({ level: 'silent' }),
    });
    return new BenchNode(network, folder, cgroup, await probe.hold(count));
  }

  get ports(): PortLedger {
    if (this.#network.ports instanceof PortLedger) return this.#network.ports;
    throw new Error(this.#network.degraded.map(({ what, why }) => `${what}: ${why}`).join('; '));
  }

  /** Attaches it; milliseconds. */
  attach(id: number): Promise<number> {
    return timed(() => this.#network.attach(id, this.place(id).pid, NO_LIMITS));
  }

  /** The folder of its records of flows, and the cgroup of who records. */
  get flows(): { folder: string; cgroup: string } {
    return { folder: `${this.#folder}/flows`, cgroup: `${this.#cgroup}/flows` };
  }

  detach(id: number): Promise<void> {
    return this.#network.detach(id);
  }

  place(id: number): Place {
    return { pid: this.#pids[id - 1] ?? 0, cgroup: `${this.#cgroup}/sliver` };
  }

  async stop(): Promise<void> {
    await this.#network.sweep(new Set());
    await this.#network.down();
    await killCgroup(this.#cgroup);
    removeCgroup(this.#cgroup);
  }
}
