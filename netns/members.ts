import { readlinkSync } from 'node:fs';
import type { NetworkLimits } from './network-limits.ts';
import type { Link } from './rtnetlink/index.ts';

/** A process in a sliver's network namespace; which one tells its pid from a later process's. */
export interface Member {
  readonly pid: number;
  readonly namespace: string;
  readonly limits: NetworkLimits;
}

/**
 * The slivers that are connected, by their ids. Those that an earlier daemon connected are nobody's until this one is told
 * of them.
 */
export class Members extends Map<number, Member | undefined> {
  /** Processes of those that are on their way here. */
  readonly #connecting = new Map<number, number>();

  /** A sliver is connected by this work: it is no member yet, and has a network namespace already. */
  async connecting(id: number, pid: number, work: () => Promise<void>): Promise<void> {
    this.#connecting.set(id, pid);
    await work().finally(() => this.#connecting.delete(id));
  }

  /** Connected by an earlier daemon, and this one has not been told of them yet. */
  unknown(): ReadonlySet<number> {
    return new Set([...this.keys()].filter((id) => this.isUnknown(id)));
  }

  isUnknown(id: number): boolean {
    return this.has(id) && !this.get(id);
  }

  /** Those whose processes are there, in the namespace that was connected. */
  present(): [number, Member][] {
    return [...this].filter((one): one is [number, Member] => isThere(one[1]));
  }

  /** Network namespaces by sliver; undefined as long as some aren't known. */
  namespaces(): ReadonlyMap<number, string> | undefined {
    if ([...this.keys()].some((id) => this.isUnknown(id))) return undefined;
    const present = this.present().map(([id, { pid }]) => [id, pid] as const);
    return new Map([...present, ...this.#connecting].map(([id, pid]) => [id, `/proc/${pid}/ns/net`]));
  }

  /** Brings it to the links that there are. One whose process is there without its link is about to have it again. */
  follow(linked: ReadonlySet<number>): void {
    for (const [id, member] of this) if (!linked.has(id) && !isThere(member)) this.delete(id);
    for (const id of linked) if (!this.has(id)) this.set(id, undefined);
  }
}

/** Links of slivers, by their ids: they are the truth of who is connected. */
export function linkedIn(links: readonly Link[]): Map<number, Link> {
  const ours = links.filter(({ name }) => /^sv[0-9]+$/.test(name));
  return new Map(ours.map((link) => [Number(link.name.slice('sv'.length)), link]));
}

/** Names the network namespace of a process; empty when the process is gone. */
export function namespaceOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return '';
  }
}

const isThere = (member: Member | undefined): member is Member =>
  member !== undefined && namespaceOf(member.pid) === member.namespace;
