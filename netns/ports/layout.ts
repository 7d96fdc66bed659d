import { SliverdError } from '../../daemon/errors.ts';

/** The shapes of netns/bpf/maps.h and slots.h, mirrored: little-endian, offsets in bytes. */
export const SLOT_BYTES = 16;
export const SLOT_TCP = 0;
export const SLOT_UDP = 65536;
export const SLOT_PROTOCOL = 131072;
export const SLOTS = SLOT_PROTOCOL + 256;
export const ID_MASK = 0xfff;
export const RESERVED = 1 << 12;
export const NODE = 1 << 13;
/** The low half of a slot's state: id, flags, and above them the number of sockets. */
export const REFS_SHIFT = 16;
export const HOLDER_BYTES = 16;
export const HOME_BYTES = 24;
export const COMMAND_BYTES = 32;
export const DENIAL_BYTES = 48;

export const Operation = {
  reserve: 1,
  release: 2,
  revoke: 3,
  nodeTake: 4,
  nodeRelease: 5,
  evict: 6,
  settle: 7,
} as const;

/** `tcp`, `udp`, or the number of another IP protocol, which has no ports (`port` is 0). */
export type Protocol = 'tcp' | 'udp' | number;

/** The slot of a port or a protocol. Throws `bad-request` for what has none. */
export function slotOf(protocol: Protocol, port: number): number {
  const bad = (why: string) => new SliverdError('bad-request', `${protocol}/${port}: ${why}`);
  if (typeof protocol === 'number') {
    if (!Number.isInteger(protocol) || protocol < 0 || protocol > 255)
      throw bad('not an IP protocol (0 to 255)');
    if (protocol === 6 || protocol === 17) throw bad(`say ${protocol === 6 ? 'tcp' : 'udp'}, and a port`);
    // Echoes, errors and replies follow their flows; somebody who owned ICMP would own everybody's.
    if (protocol === 1 || protocol === 58) throw bad('ICMP is shared and belongs to nobody');
    if (port !== 0) throw bad('this protocol has no ports');
    return SLOT_PROTOCOL + protocol;
  }
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw bad('a port is 1 to 65535');
  return (protocol === 'udp' ? SLOT_UDP : SLOT_TCP) + port;
}

/** What a slot stands for. */
export function named(slot: number): { protocol: Protocol; port: number } {
  if (slot >= SLOT_PROTOCOL) return { protocol: slot - SLOT_PROTOCOL, port: 0 };
  return slot >= SLOT_UDP
    ? { protocol: 'udp', port: slot - SLOT_UDP }
    : { protocol: 'tcp', port: slot - SLOT_TCP };
}

/** `1.2.3.4` as the four bytes of network order. */
export function address4(text: string): Buffer {
  const parts = text.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255))
    throw new SliverdError('bad-request', `${text}: not an IPv4 address`);
  return Buffer.from(parts);
}

/** The time of a `bpf_ktime_get_ns`, which counts as `process.hrtime` does. */
export function timeOf(nanoseconds: bigint): Date {
  return new Date(Date.now() - Number(process.hrtime.bigint() - nanoseconds) / 1e6);
}
