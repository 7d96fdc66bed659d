import type { End, Filter } from '../../../netns/flows/filter.ts';
import type { Flow } from '../../../netns/flows/flow.ts';
import { Segment } from '../../../netns/flows/segment.ts';
import { segmentNumbers, segmentPath } from '../../../netns/flows/shelf.ts';
import { BUSY, chance, NOBODY, NODE, type Population, RARE_PORT } from './population.ts';

const SLACK = 120_000;
const [DNS, HTTPS] = [53, 443];
/** A sliver with few flows, and the one that has the most. */
const [QUIET, LOUD] = [190, 1];

/** What is asked, by its shape; another each time, of flows that there are. */
export function shapes(folder: string, { from, to }: Population): Record<string, () => Filter> {
  const next = chance(99);
  const known = samples(folder, from, to, next);
  const any = (which: (flow: Flow) => boolean): Flow => {
    const some = known.filter(which);
    const flow = some[Math.floor(next() * some.length)];
    if (!flow) throw new Error('no such flow among the samples');
    return flow;
  };
  const out = () => any(({ inbound, peer }) => !inbound && peer === null);
  const around = (time: number) => ({ from: time - SLACK, to: time + SLACK });
  const sometime = () => around(from + next() * (to - from));
  const remote = ({ remote: address, remotePort: port }: Flow, ports = true): End =>
    ports ? { address, port } : { address };
  return {
    'destination, port and time': () => {
      const flow = out();
      return { destination: remote(flow), ...around(flow.end - 1000) };
    },
    'busy destination, port and time': () => ({
      destination: { address: BUSY, port: DNS },
      ...sometime(),
    }),
    "the node's address, port and time": () => ({
      destination: { address: NODE, port: any(({ inbound }) => inbound).localPort },
      ...sometime(),
    }),
    destination: () => ({ destination: remote(out(), false) }),
    'destination and time': () => {
      const flow = out();
      return { destination: remote(flow, false), ...around(flow.end - 1000) };
    },
    'a common port': () => ({ destination: { port: HTTPS } }),
    'a rare port': () => ({ destination: { port: RARE_PORT } }),
    'a port of one side': () => ({ source: { port: out().localPort } }),
    'sliver and destination': () => {
      const flow = out();
      return { sliver: flow.sliver, destination: remote(flow, false) };
    },
    'quiet sliver and busy destination': () => ({ sliver: QUIET, destination: { address: BUSY } }),
    'sliver and time': () => ({ sliver: out().sliver, ...sometime() }),
    'busy destination': () => ({ destination: { address: BUSY } }),
    'busy destination, another port': () => ({ destination: { address: BUSY, port: DNS + 1 } }),
    'nothing: nobody': () => ({ destination: { address: NOBODY } }),
    'nothing: a port of nobody': () => ({ destination: { address: NOBODY, port: HTTPS }, ...sometime() }),
    'nothing: loud sliver to nobody': () => ({ sliver: LOUD, destination: { address: NOBODY } }),
    'nothing: busy, as the source': () => ({ source: { address: BUSY } }),
  };
}

/** Flows of all segments, a few each. */
function samples(folder: string, from: number, to: number, next: () => number): Flow[] {
  return segmentNumbers(folder).flatMap((number) => {
    const segment = Segment.read(segmentPath(folder, number));
    try {
      const at = () => from + next() * (to - from);
      return Array.from({ length: 100 }, at).flatMap(
        (time) => segment?.find({ from: time, to: time }, 3) ?? [],
      );
    } finally {
      segment?.close();
    }
  });
}
