import type { NftCommand } from '../nftables.ts';
import { CARRIER, FROM_MARK, INTERNAL_NETWORK } from '../numbers.ts';
import { counted, drop, has, match, meta, network, type Verb } from './expressions.ts';
import type { Reservation } from './reservations.ts';

export interface Uplink {
  readonly index: number;
  /** The node's public IPv4 address, in dotted form. */
  readonly address: string;
  /** Of slivers' own IPv6 addresses. */
  readonly prefix?: string;
  /** Whether the machine forwards by itself: else it does for slivers only. */
  readonly forwards: { readonly ip: boolean; readonly ip6: boolean };
  /** Whether a BPF program marks what comes in at slivers' links (netns/bpf/links.h). */
  readonly marks: boolean;
  /** The port of the node's ssh. */
  readonly door?: number;
  /** What is delivered where no program does it. */
  readonly reserved: readonly Reservation[];
}

/**
 * One concern of the ruleset, with chains of its own (so that no order between parts matters but that of their
 * priorities). A sliver is elements of sets and maps, never a rule.
 */
export interface Part {
  /** Base chains and objects: each is added, then emptied, then filled anew in one transaction. */
  readonly chains: readonly NftCommand[];
  readonly objects: readonly NftCommand[];
  rules(uplink: Uplink): NftCommand[];
  /** What a sliver is here: to be added once its link is there, to be deleted when it is gone. */
  elements(verb: Verb, id: number, uplink: Uplink): NftCommand[];
}

/** By numbers where every packet is asked: the kernel copies a link's name for each question about it. */
export const fromSliver = has(meta('mark'), FROM_MARK);
export const toSliver = match(meta('oifname'), 'sv*');
export const fromUplink = ({ index }: Uplink) => match(meta('iif'), `${index}`);
export const toUplink = ({ index }: Uplink) => match(meta('oif'), `${index}`);
export const toCarrier = match(meta('oif'), CARRIER);
/** Slivers' addresses among each other. */
export const internal = network(INTERNAL_NETWORK.address, INTERNAL_NETWORK.length);
/** Who speaks for another. */
export const foreign = [counted('foreign'), drop];
export const isNew = match({ ct: { key: 'state' } }, 'new', 'in');
export const established = match({ ct: { key: 'state' } }, 'established', 'in');
