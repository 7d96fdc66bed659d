import { addressIn } from '../ipv6/prefix.ts';
import { internalOf, LINK_LOCAL, linkOf, markOf, SLIVER_MARK, UNCHECKED_MARK } from '../numbers.ts';
import {
  accept,
  chain,
  concat,
  ct,
  drop,
  element,
  field,
  has,
  lacks,
  lookup,
  match,
  meta,
  rule,
  set,
  TABLE,
  table,
} from './expressions.ts';
import { fromSliver, isNew, notFromSliver, notFromUplink, type Part } from './part.ts';
import { reservedFirst } from './reservations.ts';

/** In nft's own language: its JSON (1.0.6) knows no `typeof`, and a conntrack zone has no other type. */
export const ZONES = `add table inet ${TABLE}; add map inet ${TABLE} zones { typeof iifname : ct zone; }`;

const spoofed = { goto: { target: 'spoofed' } }; // netns/ruleset/flows.ts counts it

/**
 * Whose a packet is. Nothing leaves a sliver with an address that isn't its own; each has connections of its own, so
 * that two may use the same port to the same destination. A connection belongs to the sliver that began it, or whose
 * port it came to (the mark that the steering program on the uplink gave its first packet). Replies and errors follow
 * their connection. Each packet goes through here: what is of no concern is let go first.
 */
export const origin: Part = {
  chains: [chain('origin', 'filter', 'prerouting', -300), chain('steer', 'filter', 'prerouting', -150)],
  objects: [
    { add: { map: { ...table, name: 'marks', type: 'ifname', map: 'mark' } } },
    { add: { set: { ...table, name: 'sources', type: ['ifname', 'ipv4_addr'] } } },
    { add: { set: { ...table, name: 'sources6', type: ['ifname', 'ipv6_addr'] } } },
    { add: { map: { ...table, name: 'homes6', type: 'ipv6_addr', map: 'mark' } } },
    { flush: { set: { ...table, name: 'sources6' } } },
    { flush: { map: { ...table, name: 'homes6' } } },
    { flush: { map: { ...table, name: 'zones' } } },
    { flush: { map: { ...table, name: 'marks' } } },
    { flush: { set: { ...table, name: 'sources' } } },
  ],
  rules: (uplink) => [
    rule('origin', notFromSliver, accept),
    // Without the mark somebody took the program away, and until it is back nothing passes.
    uplink.marks
      ? rule('origin', lacks(meta('mark'), UNCHECKED_MARK), drop)
      : rule('origin', set(meta('mark'), { '|': [meta('mark'), UNCHECKED_MARK] })),
    rule('origin', set({ ct: { key: 'zone', dir: 'original' } }, lookup(meta('iifname'), 'zones'))),
    ...['', '6'].map((six) =>
      rule(
        'origin',
        match(concat(meta('iifname'), field(`ip${six}`, 'saddr')), `@sources${six}`),
        set(meta('mark'), { '&': [meta('mark'), ~UNCHECKED_MARK >>> 0] }),
        accept,
      ),
    ),
    // Who has no address yet asks whether somebody has the one that it wants. Nobody has.
    rule('origin', match(field('ip6', 'saddr'), '::'), drop),
    rule('origin', spoofed),
    ...reservedFirst('steer', uplink),
    rule('steer', fromSliver, isNew, set(ct('mark'), lookup(meta('iifname'), 'marks'))),
    rule('steer', notFromUplink(uplink), accept),
    // An address of its own is the sliver's whatever the port.
    rule('steer', set(meta('mark'), lookup(field('ip6', 'daddr'), 'homes6'))),
    rule('steer', isNew, has(meta('mark'), SLIVER_MARK), set(ct('mark'), meta('mark'))),
    // Without connections a peer's next packet may be for who has the port by now.
    rule(
      'steer',
      match(meta('l4proto'), 'tcp', '!='),
      match(ct('direction'), 'original'),
      has(meta('mark'), SLIVER_MARK),
      set(ct('mark'), meta('mark')),
    ),
    rule('steer', has(ct('mark'), SLIVER_MARK), set(meta('mark'), ct('mark'))),
    rule('steer', lacks(meta('mark'), SLIVER_MARK), accept),
    // On one machine it would have arrived. (Others have their hop put back at the sliver's link.)
    ...[field('ip', 'ttl'), field('ip6', 'hoplimit')].map((hops) =>
      rule('steer', match(hops, 1), set(hops, 2)),
    ),
  ],
  elements: (verb, { id }, uplink) => [
    element(verb, table, 'zones', linkOf(id), id),
    element(verb, table, 'marks', linkOf(id), markOf(id)),
    element(verb, table, 'sources', concat(linkOf(id), uplink.address)),
    element(verb, table, 'sources', concat(linkOf(id), internalOf(id))),
    ...(uplink.prefix
      ? [
          element(verb, table, 'sources6', concat(linkOf(id), LINK_LOCAL)),
          element(verb, table, 'sources6', concat(linkOf(id), addressIn(uplink.prefix, id))),
          element(verb, table, 'homes6', addressIn(uplink.prefix, id), markOf(id)),
        ]
      : []),
  ],
};
