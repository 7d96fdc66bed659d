import { isIP, SocketAddress } from 'node:net';
import { SliverdError } from '../daemon/errors.ts';

/** What comes before an IPv4 address in one of IPv6. */
export const MAPPED = Buffer.from('00000000000000000000ffff', 'hex');

/** The bytes of an address, 4 or 16 of them; undefined when the text is none. */
export function packAddress(text: string): Buffer | undefined {
  const kind = isIP(text);
  if (kind === 4) return Buffer.from(text.split('.').map(Number));
  if (kind !== 6 || text.includes('%')) return undefined;
  // The last 32 bits may be written as IPv4.
  const plain = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((word) => word.toString(16)).join(':'),
  );
  const [head = [], tail] = plain.split('::').map((half) => half.split(':').filter(Boolean));
  const words = tail ? [...head, ...new Array(8 - head.length - tail.length).fill('0'), ...tail] : head;
  const bytes = Buffer.alloc(16);
  for (const [index, word] of words.entries()) bytes.writeUInt16BE(Number.parseInt(word, 16), index * 2);
  return bytes;
}

/** The bytes of an address that is one. */
export function packed(address: string): Buffer {
  const bytes = packAddress(address);
  if (!bytes) throw new SliverdError('internal', `${address} is no address`);
  return bytes;
}

/** IPv4 within IPv6, as some programs write it (::ffff:192.0.2.1), is IPv4: that is what is on the wire. */
export const unmapped = (bytes: Buffer): Buffer =>
  bytes.length === 16 && bytes.subarray(0, MAPPED.length).equals(MAPPED)
    ? bytes.subarray(MAPPED.length)
    : bytes;

/** As people write it (RFC 5952). */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const words = Array.from({ length: 8 }, (_, index) =>
    (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16),
  );
  return new SocketAddress({ address: words.join(':'), family: 'ipv6' }).address;
}
