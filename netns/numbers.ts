/**
 * What a sliver's id gives it on the network. Every name and number derives from the id, so that whatever a crash left
 * behind is known for what it is.
 */

/** Set in the packet and connection marks of everything that belongs to a sliver; the id is below. */
export const SLIVER_MARK = 0x10000;

/** Set in a packet whose source port belongs to another sliver: it leaves from one that is nobody's. */
export const FOREIGN_MARK = 0x20000;

/** Set in a packet that came in at a sliver's link; the id is below. Without SLIVER_MARK it is routed as any other. */
export const FROM_MARK = 0x40000;

/**
 * Set at a sliver's link, until the rules have seen that the source is the sliver's own: what still has it when it is routed
 * goes nowhere. So no rule that somebody deletes opens the way to forged sources (docs/decisions/0025-self-healing.md).
 */
export const UNCHECKED_MARK = 0x80000;

/** The part of a mark that is an id. */
export const ID_MASK = 0xfff;

export const markOf = (id: number): number => SLIVER_MARK | id;
/** Of what the sliver sends. */
export const fromMarkOf = (id: number): number => FROM_MARK | id;

/** The host end of its link. */
export const linkOf = (id: number): string => `sv${id}`;

/** The address that slivers of one node reach each other by (RFC 6598's shared space). */
export const internalOf = (id: number): string => `100.64.${id >> 8}.${id & 255}`;
/** Whose an internal address is; undefined for any other. */
export const internalId = (address: Uint8Array): number | undefined =>
  address.length === 4 && address[0] === 100 && address[1] === 64
    ? ((address[2] ?? 0) << 8) | (address[3] ?? 0)
    : undefined;
export const INTERNAL_NETWORK = { address: '100.64.0.0', length: 10 } as const;

/** What every sliver has as its gateway, on the host end of its own link. */
export const GATEWAY = '169.254.1.1';

/** The same of IPv6. */
export const GATEWAY6 = 'fe80::1';

/** All slivers' eth0 and the carrier have it: packets are handed over by index, so it need not tell them apart. */
export const MAC = Buffer.from([0x02, 0x00, 0x5e, 0x00, 0x00, 0x01]);

/** The node's ends of slivers' links all have this one: each side knows the other's without asking. */
export const GATEWAY_MAC = Buffer.from([0x02, 0x00, 0x5e, 0x00, 0x00, 0x02]);

/** What a sliver's kernel makes of it: the address that its eth0 has on the link itself (RFC 4291, appendix A). */
export const LINK_LOCAL = 'fe80::5eff:fe00:1';

/** The device that packets for slivers are routed to; the egress chain on it hands each to its sliver's link. */
export const CARRIER = 'slivers0';
export const CARRIER_END = 'slivers0p';

/** The major number of our queues, by which one is known for ours. As in netns/bpf/traffic.h. */
export const QUEUES = 0x5356;

/** Who made a route or an answer for an address, as the kernel notes it: us (rtnetlink's protocols; the others' are below). */
export const OURS = 83;
