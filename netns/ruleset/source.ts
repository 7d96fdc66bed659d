import { FOREIGN_MARK, SLIVER_MARK } from '../numbers.ts';
import { DEFAULT_RANGES } from '../ports/settings.ts';
import { chain, ct, has, match, meta, rule } from './expressions.ts';
import { type Part, toUplink } from './part.ts';

/** What a sliver sends leaves from the shared address, and from its own port unless that is somebody else's. */
export const source: Part = {
  chains: [chain('source', 'nat', 'postrouting', 100)],
  objects: [],
  rules: (uplink) => [
    rule(
      'source',
      toUplink(uplink),
      has(meta('mark'), FOREIGN_MARK),
      match(meta('l4proto'), { set: ['tcp', 'udp'] }),
      { snat: { family: 'ip', addr: uplink.address, port: { range: [...DEFAULT_RANGES.remap] } } },
    ),
    rule('source', toUplink(uplink), has(ct('mark'), SLIVER_MARK), {
      snat: { family: 'ip', addr: uplink.address },
    }),
  ],
  elements: () => [],
};
