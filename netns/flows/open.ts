import { packAddress } from '../address.ts';
import { internalOf, markOf, SLIVER_MARK } from '../numbers.ts';
import { Conntrack, cluesOf, type Which } from './conntrack.ts';
import { type Filter, matches, type Variant, variants } from './filter.ts';
import { type Flow, flowOf } from './flow.ts';

/** What the kernel picks of all connections: by bits of their marks, and by which they are. */
interface Pick {
  readonly mark: number;
  readonly mask: number;
  readonly which?: Which;
}

/** Each goes through the whole table: more of them take longer than being told all of it. */
const MANY = 8;
/** The bits of who it is, and the one that says so. */
const WHOSE = SLIVER_MARK * 2 - 1;

/** Flows that go on now. @param filters of which one must hold */
export function openFlows(filters: readonly Filter[], limit: number): Flow[] {
  const now = Date.now();
  const found = new Map<string, Flow>();
  const conntrack = new Conntrack();
  const clues = cluesTo(filters);
  try {
    for (const { mark, mask, which } of picks(filters))
      for (const connection of conntrack.list(mark, mask, which, clues)) {
        const flow = flowOf(connection, now);
        if (filters.some((filter) => matches(filter, flow))) found.set(keyOf(flow), flow);
        if (found.size >= limit) return latest(found);
      }
  } finally {
    conntrack.close();
  }
  return latest(found);
}

/** Where each of the filters has a port. */
function cluesTo(filters: readonly Filter[]): Buffer[] | undefined {
  const ports = filters.map(({ source, destination }) => source?.port ?? destination?.port);
  const given = ports.filter((port) => port !== undefined);
  return given.length === ports.length && given.length <= MANY ? cluesOf([...new Set(given)]) : undefined;
}

const latest = (found: Map<string, Flow>) => [...found.values()].sort((a, b) => b.start - a.start);

/** One may be picked twice. */
const keyOf = ({ protocol, inbound, remote, remotePort, local, localPort }: Flow) =>
  [protocol, inbound, remote.join('.'), remotePort, local.join('.'), localPort].join(' ');

/** Telling all of a hundred thousand takes half a second; who asks for an address or a sliver is told of those alone. */
function picks(filters: readonly Filter[]): Pick[] {
  const all = filters.flatMap(picksOf);
  if (all.length > MANY) return [{ mark: SLIVER_MARK, mask: SLIVER_MARK }];
  const text = all.map((pick) => JSON.stringify(pick));
  return all.filter((_, index) => text.indexOf(text[index] ?? '') === index); // a slice has had an id again
}

function picksOf(filter: Filter): Pick[] {
  const { sliver } = filter;
  const [mark, mask] = sliver === undefined ? [SLIVER_MARK, SLIVER_MARK] : [markOf(sliver), WHOSE];
  const some = variants(filter).flatMap((variant) => whichOf(variant) ?? []);
  const own: Pick[] = some.length > 0 ? some.map((which) => ({ mark, mask, which })) : [{ mark, mask }];
  const address = sliver === undefined ? undefined : packAddress(internalOf(sliver));
  if (!address) return own;
  // And those of others to it.
  const ways: Which[] = [{ tuple: 'reply', end: 'source', address }, 'ipv6'];
  return [...own, ...ways.map((which) => ({ mark: SLIVER_MARK, mask: SLIVER_MARK, which }))];
}

/** Outside, what went out is seen as the answers to it have it, and what came in as it came. */
function whichOf({ inbound, local, remote }: Variant): Which | undefined {
  const address = remote.address ?? local.address;
  if (address?.length !== 4) return address && 'ipv6';
  return {
    tuple: inbound ? 'original' : 'reply',
    end: address === remote.address ? 'source' : 'destination',
    address,
  };
}
