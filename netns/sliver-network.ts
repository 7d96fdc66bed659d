import { during } from '../daemon/errors.ts';
import { raiseLoopback } from '../daemon/kernel/sockets.ts';
import type { FlowRecords } from './flows/index.ts';
import type { Knocks } from './limits/knocks.ts';
import { within } from './namespace.ts';
import type { NetworkLimits, NetworkUsage, Refused, TrafficCounters } from './network-limits.ts';
import type { SharedPorts } from './ports/shared-ports.ts';

/**
 * What connects slivers: the seam between a sliver's life and all that concerns packets. An environment calls `attach`
 * when the sliver's network namespace is there and before anything of the guest's runs, and `detach` when its
 * processes are gone.
 */
export interface SliverNetwork {
  /** Who owns which port of the shared address, where one is shared. */
  readonly ports?: SharedPorts | undefined;
  /** Name of the link whose address is shared. */
  readonly uplink?: string | undefined;
  /** What slivers have sent and got; none where the kernel can't count. */
  readonly counters?: TrafficCounters | undefined;
  /** Whose flows were what, where slivers reach the world. */
  readonly flows?: FlowRecords | undefined;
  /** Who knocks at the node's ssh and never comes in; none where nobody counts. */
  readonly knocks?: Knocks | undefined;
  /** What it can't give on this node. */
  readonly degraded: readonly { what: string; why: string; cost: string }[];
  /**
   * Also brings a connected sliver to limits that changed: what is done already is left alone.
   * @param pid a process in the sliver's network namespace, as the host sees it
   */
  attach(id: number, pid: number, limits: NetworkLimits): Promise<void>;
  /** By which the world reaches it, IPv4 first; none while it isn't connected. */
  addresses(id: number): string[];
  /** Of a sliver since it was connected. */
  usage(id: number): Promise<NetworkUsage>;
  /** The same of several at the price of one; who isn't connected may be missing. */
  usages(ids: readonly number[]): Promise<ReadonlyMap<number, NetworkUsage>>;
  /** Packets of slivers that weren't let through, by id, since the kernel began to count. */
  refused(): ReadonlyMap<number, Refused>;
  /** What isn't there is no error. */
  detach(id: number): Promise<void>;
  /** Removes what belongs to none of these slivers; returns what it removed, for the log. */
  sweep(known: ReadonlySet<number>): Promise<string[]>;
  /** Takes everything of ours out of the node's network namespace. */
  down(): Promise<void>;
}

/** A network namespace of one's own with loopback, and no way out: what a sliver needs to exist. */
export function loopbackNetwork(why: string): SliverNetwork {
  return {
    degraded: [{ what: "the world's network in slivers", why, cost: 'Slivers reach nobody but themselves.' }],
    async attach(_id, pid) {
      await during(`bringing up loopback in the network namespace of process ${pid}`, () =>
        within(`/proc/${pid}/ns/net`, raiseLoopback),
      );
    },
    addresses: () => [],
    usage: async () => ({}),
    usages: async () => new Map(),
    refused: () => new Map(),
    async detach() {},
    async sweep() {
      return [];
    },
    async down() {},
  };
}
