import { createHash } from 'node:crypto';
import { addressText, packAddress } from '../address.ts';
import type { Link, LinkAddress } from '../rtnetlink/index.ts';

/**
 * Where a node's slivers have their IPv6 addresses: the first 112 bits of each, written as a network address; the other 16
 * are the sliver's id.
 */
export type SliverPrefix = string;
export const PREFIX_LENGTH = 112;

const NODE = 6;
/** A network that a machine can be alone in, or that it draws an address of its own in. */
const SUBNET = 64;

/** What the configuration says: `none`, or a prefix of at most 112 bits. */
export const isSliverNetwork = (text: string): boolean => text === 'none' || parsePrefix(text) !== undefined;

/**
 * The prefix of the slivers of a node; undefined when there is none.
 * @param addresses of the uplink
 * @param configured as in node.yaml; default: the network that the uplink has an address in.
 * @param present those of slivers that are there: one of these stays, though a router may advertise another network.
 */
export function sliverPrefix(
  uplink: Link,
  addresses: readonly LinkAddress[],
  configured?: string,
  present: readonly SliverPrefix[] = [],
): SliverPrefix | undefined {
  if (configured === 'none') return undefined;
  if (configured !== undefined) {
    const { bytes, length } = parsePrefix(configured) ?? { bytes: Buffer.alloc(16), length: 0 };
    return length > SUBNET ? addressText(bytes) : within(bytes, uplink);
  }
  const all = addresses
    .filter(
      ({ link, global, length, passing }) => link === uplink.index && global && length <= SUBNET && !passing,
    )
    .map(({ address }) => packAddress(address))
    .filter((bytes): bytes is Buffer => bytes?.length === 16)
    .sort((a, b) => a.compare(b));
  const world = all.filter(isGlobal);
  const prefixes = (world.length > 0 ? world : all).map((address) => within(address, uplink));
  return prefixes.find((prefix) => present.includes(prefix)) ?? prefixes[0];
}

/** A sliver's own address. */
export function addressIn(prefix: SliverPrefix, id: number): string {
  const bytes = bytesOf(prefix);
  bytes.writeUInt16BE(id, 14);
  return addressText(bytes);
}

/** Which sliver's it is; undefined when it is none's of this prefix. */
export const idIn = (prefix: SliverPrefix | undefined, address: string): number | undefined =>
  isIn(prefix, address) ? bytesOf(address).readUInt16BE(14) : undefined;

/** Whether an address is of the slivers of this prefix. */
export const isIn = (prefix: SliverPrefix | undefined, address: string): boolean =>
  prefix !== undefined && bytesOf(address).subarray(0, 14).equals(bytesOf(prefix).subarray(0, 14));

/** Others have addresses in the same network: ours begin with what nobody else on the link has, its hardware address. */
function within(address: Buffer, { address: hardware }: Link): SliverPrefix {
  const node = createHash('sha256').update(hardware).digest().subarray(0, NODE);
  return addressText(Buffer.concat([address.subarray(0, 8), node, Buffer.alloc(2)]));
}

function parsePrefix(text: string): { bytes: Buffer; length: number } | undefined {
  const [, address = '', digits = ''] = /^([0-9a-f:.]+)\/(\d{1,3})$/i.exec(text) ?? [];
  const [bytes, length] = [packAddress(address), Number(digits)];
  if (bytes?.length !== 16 || length > PREFIX_LENGTH || length === 0 || !isClear(bytes, length))
    return undefined;
  return { bytes, length };
}

const isClear = (bytes: Buffer, length: number) =>
  bytes.every((byte, at) => (byte & (0xff >> Math.min(8, Math.max(0, length - at * 8)))) === 0);
/** Of those that are routed in the world (2000::/3), and not of a site's own. */
const isGlobal = (bytes: Buffer) => ((bytes[0] ?? 0) & 0xe0) === 0x20;
const bytesOf = (address: string) => Buffer.from(packAddress(address) ?? Buffer.alloc(16));
