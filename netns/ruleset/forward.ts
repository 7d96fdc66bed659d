import { SLIVER_MARK } from '../numbers.ts';
import { accept, chain, drop, has, meta, rule } from './expressions.ts';
import { fromSliver, fromUplink, type Part, toCarrier, toSliver, toUplink } from './part.ts';

/** Who reaches whom: from the world to slivers by the carrier alone, and from slivers to the world and to each other. */
export const forward: Part = {
  chains: [chain('forward', 'filter', 'forward', 0)],
  objects: [],
  rules: (uplink) => [
    rule('forward', fromUplink(uplink), toCarrier, has(meta('mark'), SLIVER_MARK), accept),
    rule('forward', toCarrier, drop),
    rule('forward', fromSliver, toUplink(uplink), accept),
    rule('forward', fromSliver, toSliver, accept),
    rule('forward', fromSliver, drop),
    rule('forward', toSliver, drop),
  ],
  elements: () => [],
};
