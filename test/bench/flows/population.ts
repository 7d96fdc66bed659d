import { packAddress } from '../../../netns/address.ts';
import type { Flow, Inside } from '../../../netns/flows/flow.ts';
import { internalOf } from '../../../netns/numbers.ts';

/** Flows as a node sees them in a week; the same ones each time. */
export interface Population {
  readonly slivers: number;
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

const address = (text: string) => {
  const packed = packAddress(text);
  if (!packed) throw new Error(`'${text}' is no address`);
  return new Uint8Array(packed);
};
/** Whom all talk to. */
export const BUSY = address('192.0.2.53');
export const NODE = address('198.51.100.10');
export const NODE6 = address('2001:db8:1::10');
/** Whom nobody talks to. */
export const NOBODY = address('203.0.113.99');
/** A port that few flows have. */
export const RARE_PORT = 27;
/** A burst: one sliver begins as many as are promised, and all of them end. */
const [BURST, BURST_RATE] = [0.1, 10_000];
const [TCP, UDP, ICMP] = [6, 17, 1];
const [SECOND, HOUR, DAY] = [1000, 3_600_000, 86_400_000];
const POPULAR = 2000;

/** Numbers from 0 to 1 that look random (Marsaglia's xorshift), since a benchmark's data must be the same each time. */
export function chance(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** In the order in which the kernel forgets them. */
export function* flowsOf({ slivers, from, to, count }: Population): Generator<Flow> {
  const next = chance(7);
  const upTo = (most: number) => Math.floor(next() * most);
  /** A few are had by many. */
  const few = (most: number) => Math.floor(most ** next()) - 1;
  const burst = Math.floor(count * BURST);
  const burstAt = Math.floor(count * 0.6);
  const each = (to - from - (burst / BURST_RATE) * SECOND) / (count - burst);
  let end = from;
  for (let index = 0; index < count; index++) {
    const scanning = index >= burstAt && index < burstAt + burst;
    end += scanning ? SECOND / BURST_RATE : each * 2 * next();
    yield scanning
      ? { ...scan(Math.min(3, slivers), upTo), start: Math.floor(end) - 30 * SECOND, end: Math.floor(end) }
      : usual(few(slivers) + 1, Math.floor(end));
  }

  function usual(sliver: number, at: number): Flow {
    const kind = next();
    const start = at - lasted();
    const times = { start, end: at };
    if (kind < 0.2) return outbound(sliver, UDP, BUSY, 53, upTo, times);
    if (kind < 0.5) return outbound(sliver, TCP, popular(few(POPULAR)), next() < 0.8 ? 443 : 80, upTo, times);
    if (kind < 0.8) return { ...scan(sliver, upTo), ...times };
    if (kind < 0.92) return inbound(sliver, upTo, times);
    if (kind < 0.96) return { ...outbound(sliver, ICMP, anywhere(upTo), 2048, upTo, times) };
    if (kind < 0.98) return among(sliver, (sliver % slivers) + 1, upTo, times);
    const six = address(`2001:db8:${upTo(2000).toString(16)}::${few(50).toString(16)}`);
    return { ...outbound(sliver, TCP, six, 443, upTo, times), local: NODE6, inside: null };
  }

  function lasted(): number {
    const kind = next();
    if (kind < 0.88) return (30 + upTo(120)) * SECOND;
    if (kind < 0.98) return upTo(HOUR);
    return kind < 0.999 ? upTo(DAY) : upTo(5 * DAY);
  }
}

type UpTo = (most: number) => number;
type Times = Pick<Flow, 'start' | 'end'>;

const popular = (number: number) => Uint8Array.of(198, 18, number >> 8, number & 255);
const anywhere = (upTo: UpTo) => Uint8Array.of(1 + upTo(99), upTo(256), upTo(256), upTo(256));

function outbound(
  sliver: number,
  protocol: number,
  remote: Uint8Array,
  remotePort: number,
  upTo: UpTo,
  times: Times,
): Flow {
  const localPort = 1024 + upTo(64_000);
  const [sent, received] = [1 + upTo(40), 1 + upTo(80)];
  return {
    sliver,
    peer: null,
    protocol,
    inbound: false,
    remote,
    remotePort,
    local: NODE,
    localPort,
    inside: remote.length === 4 ? insideOf(sliver, localPort, remote, remotePort) : null,
    sent: { bytes: sent * 120, packets: sent },
    received: { bytes: received * 700, packets: received },
    ...times,
  };
}

function insideOf(sliver: number, port: number, remote: Uint8Array, remotePort: number): Inside {
  return {
    source: internalOf(sliver),
    sourcePort: port,
    destination: remote.join('.'),
    destinationPort: remotePort,
  };
}

const SCANNED = [80, 443, 22, 23, 8080, 445];
function scan(sliver: number, upTo: UpTo): Flow {
  const rare = upTo(500_000) === 0;
  const port = rare ? RARE_PORT : (SCANNED[upTo(SCANNED.length + 2)] ?? 1024 + upTo(64_000));
  return outbound(sliver, upTo(2) ? TCP : UDP, anywhere(upTo), port, upTo, { start: 0, end: 0 });
}

function inbound(sliver: number, upTo: UpTo, times: Times): Flow {
  const port = SCANNED[upTo(SCANNED.length)] ?? 80;
  const flow = outbound(sliver, TCP, anywhere(upTo), 1024 + upTo(64_000), upTo, times);
  return { ...flow, inbound: true, localPort: port, inside: null };
}

function among(sliver: number, peer: number, upTo: UpTo, times: Times): Flow {
  const local = address(internalOf(sliver));
  return {
    ...outbound(sliver, TCP, address(internalOf(peer)), 8080, upTo, times),
    peer,
    local,
    inside: null,
  };
}
