import { addressIn, PREFIX_LENGTH } from '../ipv6/prefix.ts';
import { markOf, SLIVER_MARK } from '../numbers.ts';
import {
  accept,
  chain,
  ct,
  element,
  field,
  go,
  has,
  lacks,
  lookup,
  match,
  meta,
  network,
  plain,
  rule,
  set,
  table,
} from './expressions.ts';
import { established, foreign, fromSliver, fromUplink, internal, isNew, type Part } from './part.ts';
import { reservedFrom } from './reservations.ts';

const ofSliver = has(meta('mark'), SLIVER_MARK);

/**
 * Where a packet goes. A connection belongs to the sliver that began it (netns/ruleset/own-connections.ts), or whose port it
 * came to: the mark that the steering program on the uplink gave its first packet. Replies and errors follow their
 * connection.
 */
export const steer: Part = {
  chains: [chain('steer', 'filter', 'prerouting', -150), plain('from_world')],
  objects: [
    { add: { map: { ...table, name: 'homes6', type: 'ipv6_addr', map: 'mark' } } },
    { flush: { map: { ...table, name: 'homes6' } } },
  ],
  rules: (uplink) => [
    rule('steer', fromSliver, go('from_sliver')),
    rule('steer', fromUplink(uplink), go('from_world')),

    // Almost all there is, so that it is looked at no further.
    rule(
      'from_world',
      match(meta('l4proto'), 'tcp'),
      established,
      has(ct('mark'), SLIVER_MARK),
      match(field('ip', 'saddr'), internal, '!='),
      match(field('ip', 'ttl'), 1, '>'),
      set(meta('mark'), ct('mark')),
      accept,
    ),
    ...reservedFrom('world', uplink),
    // An address of its own is the sliver's whatever the port.
    rule('from_world', set(meta('mark'), lookup(field('ip6', 'daddr'), 'homes6'))),
    rule('from_world', isNew, ofSliver, set(ct('mark'), meta('mark'))),
    // Without connections a peer's next packet may be for who has the port by now.
    rule(
      'from_world',
      match(meta('l4proto'), 'tcp', '!='),
      match(ct('direction'), 'original'),
      ofSliver,
      set(ct('mark'), meta('mark')),
    ),
    rule('from_world', has(ct('mark'), SLIVER_MARK), set(meta('mark'), ct('mark'))),
    // Nobody outside passes for a sliver.
    ...(uplink.prefix
      ? [rule('from_world', match(field('ip6', 'saddr'), network(uplink.prefix, PREFIX_LENGTH)), ...foreign)]
      : []),
    rule('from_world', lacks(meta('mark'), SLIVER_MARK), accept),
    rule('from_world', match(field('ip', 'saddr'), internal), ...foreign),
    // On one machine it would have arrived. (Others have their hop put back at the sliver's link.)
    ...[field('ip', 'ttl'), field('ip6', 'hoplimit')].map((hops) =>
      rule('from_world', match(hops, 1), set(hops, 2)),
    ),
    ...(uplink.prefix
      ? [
          // Nor for the machine, which the kernel sees to for IPv4 only.
          rule(
            'from_world',
            match(meta('nfproto'), 'ipv6'),
            match({ fib: { result: 'type', flags: 'saddr' } }, 'local'),
            ...foreign,
          ),
        ]
      : []),
  ],
  elements: (verb, id, { prefix }) =>
    prefix ? [element(verb, table, 'homes6', addressIn(prefix, id), markOf(id))] : [],
};
