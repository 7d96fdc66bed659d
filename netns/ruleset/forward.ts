import { SLIVER_MARK } from '../numbers.ts';
import { accept, chain, ct, drop, go, has, match, meta, plain, rule } from './expressions.ts';
import {
  established,
  fromSliver,
  fromUplink,
  isNew,
  type Part,
  toCarrier,
  toSliver,
  toUplink,
  type Uplink,
} from './part.ts';

const arriving = (uplink: Uplink) => [has(meta('mark'), SLIVER_MARK), fromUplink(uplink), toCarrier];
const bridged = match(meta('iifkind'), 'bridge');

/**
 * Who reaches whom: from the world to slivers by the carrier alone, and from slivers to the world and to each other. On a
 * machine that forwards because of its slivers, nobody else's packets are forwarded.
 */
export const forward: Part = {
  chains: [chain('forward', 'filter', 'forward', 0), plain('away')],
  objects: [],
  rules: (uplink) => [
    // Almost all there is, so that it is looked at no further.
    rule('forward', established, ...arriving(uplink), accept),
    rule('forward', established, fromSliver, toUplink(uplink), accept),
    rule('forward', isNew, go('beginning', 'jump')), // netns/ruleset/flows.ts: what may not begin ends there
    rule('forward', ...arriving(uplink), accept),
    rule('forward', fromSliver, go('away')),
    rule('forward', toCarrier, drop),
    rule('forward', toSliver, drop),
    rule('away', match(ct('state'), 'untracked', 'in'), drop), // it would be in no record
    rule('away', toUplink(uplink), accept),
    rule('away', toSliver, accept),
    rule('away', drop),
    ...(uplink.forwards.ip
      ? []
      : [rule('forward', fromUplink(uplink), match(meta('nfproto'), 'ipv4'), drop)]),
    ...(uplink.forwards.ip6
      ? []
      : [
          // Frames that a bridge hands on come by here, too. (Nothing is routed back to the uplink: netns/ipv6/ipv6.ts.)
          rule('forward', fromUplink(uplink), toUplink(uplink), bridged, accept),
          rule('forward', match(meta('nfproto'), 'ipv6'), drop),
        ]),
  ],
  elements: () => [],
};
