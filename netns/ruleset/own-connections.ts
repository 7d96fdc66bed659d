import { PREFIX_LENGTH } from '../ipv6/prefix.ts';
import { FOREIGN_MARK, GATEWAY6, INTERNAL_NETWORK, linkOf, markOf, SLIVER_MARK } from '../numbers.ts';
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
  plain,
  rule,
  set,
  table,
} from './expressions.ts';
import { fromUplink, notFromSliver, type Part, toUplink } from './part.ts';

const PORTS = { set: ['tcp', 'udp'] };
const state = (...states: string[]) => match(ct('state'), states.length > 1 ? states : states[0], 'in');
const internal = { prefix: { addr: INTERNAL_NETWORK.address, len: INTERNAL_NETWORK.length } };
const reached = (six = '') => ({ ct: { key: `ip${six} daddr`, dir: 'original' } });
const foreign = [counted('foreign'), drop];
const own = match(concat(meta('iifname'), ct('mark')), '@owners');

/**
 * All slivers have one address, so that one could speak in another's connections, or of them (by errors of ICMP). Each
 * speaks in its own: those that it began, those that came to its ports, and those to its internal address. It keeps
 * them when their port becomes another's.
 */
export const ownConnections: Part = {
  chains: [
    chain('own', 'filter', 'prerouting', -140),
    plain('outside'),
    chain('resets', 'filter', 'output', 0),
  ],
  objects: [
    { add: { counter: { ...table, name: 'stray' } } },
    { add: { counter: { ...table, name: 'foreign' } } },
    { add: { set: { ...table, name: 'owners', type: ['ifname', 'mark'] } } },
    { flush: { set: { ...table, name: 'owners' } } },
  ],
  rules: (uplink) => [
    // Nobody outside passes for a neighbour.
    rule('own', fromUplink(uplink), { goto: { target: 'outside' } }),
    rule('outside', has(meta('mark'), SLIVER_MARK), match(field('ip', 'saddr'), internal), ...foreign),
    ...(uplink.prefix
      ? [
          // Nor for the machine, which the kernel sees to for IPv4 only.
          rule(
            'outside',
            has(meta('mark'), SLIVER_MARK),
            match(meta('nfproto'), 'ipv6'),
            match({ fib: { result: 'type', flags: 'saddr' } }, 'local'),
            ...foreign,
          ),
          rule(
            'outside',
            match(field('ip6', 'saddr'), { prefix: { addr: uplink.prefix, len: PREFIX_LENGTH } }),
            ...foreign,
          ),
        ]
      : []),
    rule('own', notFromSliver, accept),
    // Almost all there is, so that it is looked at no further.
    rule('own', state('established'), lacks(meta('mark'), FOREIGN_MARK), own, accept),
    // There is nobody else, and ahead of the rules for what is forwarded the kernel asks for each (to redirect to it).
    rule(
      'own',
      match(field('ip6', 'daddr'), { prefix: { addr: 'fe80::', len: 10 } }),
      match(field('ip6', 'daddr'), GATEWAY6, '!='),
      counted('stray'),
      drop,
    ),
    // Of no connection, and beginning none: no source NAT would make it leave from a port that is nobody's.
    rule('own', state('invalid'), counted('stray'), drop),
    rule(
      'own',
      own,
      match(meta('l4proto'), PORTS),
      state('established', 'related'),
      set(meta('mark'), { '&': [meta('mark'), ~FOREIGN_MARK >>> 0] }),
    ),
    // An IP protocol has no port to be moved to.
    rule('own', has(meta('mark'), FOREIGN_MARK), match(meta('l4proto'), PORTS, '!='), ...foreign),
    rule('own', own, accept),
    rule('own', match(reached(), internal), match(concat(meta('iifname'), reached()), '@sources'), accept),
    rule('own', match(concat(meta('iifname'), reached('6')), '@sources6'), accept),
    // What neighbours tell each other on a link of IPv6 is of no connection.
    rule('own', state('untracked'), match(meta('l4proto'), 'ipv6-icmp'), accept),
    rule('own', ...foreign),
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
  elements: (verb, { id }) => [element(verb, table, 'owners', concat(linkOf(id), markOf(id)))],
};
