import { FOREIGN_MARK, fromMarkOf, GATEWAY6, ID_MASK, markOf, SLIVER_MARK } from '../numbers.ts';
import {
  accept,
  chain,
  concat,
  counted,
  ct,
  drop,
  element,
  field,
  has,
  lacks,
  match,
  meta,
  network,
  plain,
  rule,
  set,
  table,
} from './expressions.ts';
import { established, foreign, internal, isNew, type Part, toUplink } from './part.ts';
import { reservedFrom } from './reservations.ts';

const PORTS = { set: ['tcp', 'udp'] };
const state = (...states: string[]) => match(ct('state'), states.length > 1 ? states : states[0], 'in');
const reached = (six = '') => ({ ct: { key: `ip${six} daddr`, dir: 'original' } });
const own = match(concat(meta('mark'), ct('mark')), '@own_connections');

/**
 * All slivers have one address, so that one could speak in another's connections, or of them (by errors of ICMP). Each
 * speaks in its own: those that it began, those that came to its ports, and those to its internal address. It keeps
 * them when their port becomes another's.
 */
export const ownConnections: Part = {
  chains: [
    plain('from_sliver'), // netns/ruleset/steer.ts leads there
    chain('resets', 'filter', 'output', 0),
  ],
  objects: [
    { add: { counter: { ...table, name: 'stray' } } },
    { add: { counter: { ...table, name: 'foreign' } } },
    { add: { set: { ...table, name: 'own_connections', type: ['mark', 'mark'], size: 8192 } } },
    { flush: { set: { ...table, name: 'own_connections' } } },
  ],
  rules: (uplink) => [
    // Almost all there is, so that it is looked at no further.
    rule('from_sliver', established, lacks(meta('mark'), FOREIGN_MARK), own, accept),
    ...reservedFrom('sliver', uplink),
    rule('from_sliver', isNew, set(ct('mark'), { '|': [{ '&': [meta('mark'), ID_MASK] }, SLIVER_MARK] })),
    // There is nobody else, and ahead of the rules for what is forwarded the kernel asks for each (to redirect to it).
    rule(
      'from_sliver',
      match(field('ip6', 'daddr'), network('fe80::', 10)),
      match(field('ip6', 'daddr'), GATEWAY6, '!='),
      counted('stray'),
      drop,
    ),
    // Of no connection, and beginning none: no source NAT would make it leave from a port that is nobody's.
    rule('from_sliver', state('invalid'), counted('stray'), drop),
    rule(
      'from_sliver',
      own,
      match(meta('l4proto'), PORTS),
      state('established', 'related'),
      set(meta('mark'), { '&': [meta('mark'), ~FOREIGN_MARK >>> 0] }),
    ),
    // An IP protocol has no port to be moved to.
    rule('from_sliver', has(meta('mark'), FOREIGN_MARK), match(meta('l4proto'), PORTS, '!='), ...foreign),
    rule('from_sliver', own, accept),
    rule(
      'from_sliver',
      match(reached(), internal),
      match(concat(meta('iifname'), reached()), '@sources'),
      accept,
    ),
    rule('from_sliver', match(concat(meta('iifname'), reached('6')), '@sources6'), accept),
    // What neighbours tell each other on a link of IPv6 is of no connection.
    rule('from_sliver', state('untracked'), match(meta('l4proto'), 'ipv6-icmp'), accept),
    rule('from_sliver', ...foreign),
    // A packet that is out of its connection's window comes to the node, which knows of no such connection.
    rule(
      'resets',
      toUplink(uplink),
      match(field('ip', 'saddr'), uplink.address),
      match(field('tcp', 'flags'), 'rst', 'in'),
      state('invalid'),
      drop,
    ),
  ],
  elements: (verb, id) =>
    [fromMarkOf(id), fromMarkOf(id) | FOREIGN_MARK].map((from) =>
      element(verb, table, 'own_connections', concat(from, markOf(id))),
    ),
};
