import { addressText } from '../address.ts';
import { internalId, SLIVER_MARK } from '../numbers.ts';
import type { Connection, Count, Tuple } from './message.ts';

/**
 * One flow as it is kept. `local` is the node's side and `remote` the other, both as they are seen outside of the node,
 * after address translation.
 */
export interface Flow {
  /** The id of the sliver whose it is, and of another of this node that it goes to. */
  readonly sliver: number;
  readonly peer: number | null;
  readonly protocol: number;
  /** Whether the other side began it. */
  readonly inbound: boolean;
  readonly remote: Uint8Array;
  readonly remotePort: number;
  readonly local: Uint8Array;
  readonly localPort: number;
  /** What the sliver itself sees, where that differs. */
  readonly inside: Inside | null;
  readonly sent: Count;
  readonly received: Count;
  /** Milliseconds since 1970, by the clock of then; 0 when it began before anybody looked. */
  readonly start: number;
  /** When the kernel forgot it: its last packet, and the time that its protocol waits for another. */
  readonly end: number;
}

export interface Inside {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

/** @param now the end of a connection that lives */
export function flowOf(connection: Connection, now: number): Flow {
  const { mark, zone, protocol, original, start, stop } = connection;
  const sliver = mark & (SLIVER_MARK - 1);
  // What a sliver sends has its zone from the first packet on; what comes in has none.
  const inbound = zone !== sliver;
  const answers = reversed(connection);
  const [wire, within] = inbound ? [original, answers] : [answers, original];
  return {
    sliver,
    peer: (inbound ? undefined : peerOf(wire, sliver)) ?? null,
    protocol,
    inbound,
    remote: inbound ? wire.source : wire.destination,
    remotePort: inbound ? wire.sourcePort : wire.destinationPort,
    local: inbound ? wire.destination : wire.source,
    localPort: inbound ? wire.destinationPort : wire.sourcePort,
    inside: same(wire, within)
      ? null
      : {
          source: addressText(within.source),
          sourcePort: within.sourcePort,
          destination: addressText(within.destination),
          destinationPort: within.destinationPort,
        },
    sent: inbound ? connection.answered : connection.sent,
    received: inbound ? connection.sent : connection.answered,
    start,
    end: stop || now,
  };
}

/** The other sliver of this node that it goes to: by IPv4's internal addresses, or by IPv6's, which begin alike and end in the id. */
function peerOf({ source, destination }: Tuple, sliver: number): number | undefined {
  const own = source.length === 16 && source.readUInt16BE(ID_AT) === sliver;
  if (own && destination.length === 16 && source.compare(destination, 0, ID_AT, 0, ID_AT) === 0)
    return destination.readUInt16BE(ID_AT) || undefined;
  return internalId(destination);
}
/** Where the id is in an IPv6 address (docs/decisions/0020-ipv6.md). */
const ID_AT = 14;

export const [ICMP, ICMP6] = [1, 58];

/** The other side's view of the original direction: what the answers come back to, with all translation done. */
function reversed({ protocol, original, reply }: Connection): Tuple {
  const echo = protocol === ICMP || protocol === ICMP6;
  return {
    source: reply.destination,
    destination: reply.source,
    sourcePort: echo ? reply.sourcePort : reply.destinationPort,
    destinationPort: echo ? original.destinationPort : reply.sourcePort,
  };
}

function same(a: Tuple, b: Tuple): boolean {
  return (
    a.sourcePort === b.sourcePort &&
    a.destinationPort === b.destinationPort &&
    a.source.equals(b.source) &&
    a.destination.equals(b.destination)
  );
}
