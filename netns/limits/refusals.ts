import { isIP } from 'node:net';
import { packAddress } from '../address.ts';

/** What the owner of a node wants no sliver to reach. */
export interface Refusal {
  /** Absent: all of that address. */
  readonly protocol?: 'tcp' | 'udp';
  /** The first and the last port. */
  readonly ports?: readonly [number, number];
  /** Absent: everybody. */
  readonly prefix?: string;
}

const FORMS = 'as in tcp/25, udp/6881-6889 to 192.0.2.0/24, or 2001:db8::/32';
const FORM = /^(?:(tcp|udp)(?:\/(\d{1,5})(?:-(\d{1,5}))?)?)?(?:(?:^| +to +)(\S+))?$/;

/** @returns what is wrong with it, if it is text */
export function parseRefusal(text: string): Refusal | string {
  const [found, protocol, first, last, prefix] = FORM.exec(text.trim()) ?? [];
  if (!found) return `'${text.slice(0, 60)}' says neither what nor whom: ${FORMS}`;
  if (prefix !== undefined && !isPrefix(prefix)) return `'${prefix.slice(0, 60)}' is not a prefix: ${FORMS}`;
  const ports = first === undefined ? undefined : ([Number(first), Number(last ?? first)] as const);
  if (ports && (ports[0] < 1 || ports[0] > ports[1] || ports[1] > 65_535))
    return `'${text}': ports are 1 to 65535, the lower one first`;
  return {
    ...(protocol ? { protocol: protocol as 'tcp' | 'udp' } : {}),
    ...(ports ? { ports } : {}),
    ...(prefix !== undefined ? { prefix } : {}),
  };
}

export function isPrefix(text: string): boolean {
  const [address = '', length = '', ...more] = text.split('/');
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return more.length === 0 && /^[0-9]{1,3}$/.test(length) && Number(length) <= most;
}

/** Elements of nft sets: whole prefixes, and of each protocol ports and prefix, of which no two overlap. */
export function refusalElements(
  refusals: readonly Refusal[],
  family: 4 | 6,
): { prefixes: string[]; tcp: string[]; udp: string[] } {
  const own = refusals.filter(({ prefix }) => prefix === undefined || isIP(prefix.split('/')[0]!) === family);
  const prefixes = own.flatMap(({ protocol, prefix }) => (protocol || !prefix ? [] : [prefix]));
  const elementsOf = (protocol: 'tcp' | 'udp') => {
    const of = own
      .filter((one) => one.protocol === protocol)
      .map(({ ports = [0, 65_535], prefix }) => ({
        ports,
        prefix: prefix ?? (family === 4 ? '0.0.0.0/0' : '::/0'),
      }));
    // The kernel takes no two that overlap: ports are cut wherever a range begins or ends.
    const cuts = [...new Set(of.flatMap(({ ports: [first, last] }) => [first, last + 1]))].sort(
      (a, b) => a - b,
    );
    return cuts.slice(0, -1).flatMap((first, at) => {
      const last = cuts[at + 1]! - 1;
      const here = of
        .filter(({ ports }) => ports[0] <= first && last <= ports[1])
        .map(({ prefix }) => prefix);
      return widest(here).map((prefix) => `${first}-${last} . ${prefix}`);
    });
  };
  return { prefixes, tcp: elementsOf('tcp'), udp: elementsOf('udp') };
}

/** Those that lie in no other of them. */
function widest(prefixes: readonly string[]): string[] {
  const all = [...new Set(prefixes)].map((prefix) => ({ prefix, bits: bitsOf(prefix) }));
  const kept = all.filter(({ bits }, at) =>
    all.every(
      (other, place) => place === at || !bits.startsWith(other.bits) || (bits === other.bits && at < place),
    ),
  );
  return kept.map(({ prefix }) => prefix);
}

/** What addresses in it begin with, in binary. */
function bitsOf(prefix: string): string {
  const [address = '', length = ''] = prefix.split('/');
  const bytes = packAddress(address) ?? Buffer.alloc(0);
  return [...bytes]
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('')
    .slice(0, Number(length));
}
