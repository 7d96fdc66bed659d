import { addressIn } from '../ipv6/prefix.ts';
import {
  FROM_MARK,
  fromMarkOf,
  ID_MASK,
  internalOf,
  LINK_LOCAL,
  linkOf,
  UNCHECKED_MARK,
} from '../numbers.ts';
import {
  accept,
  chain,
  concat,
  drop,
  element,
  field,
  go,
  has,
  lookup,
  match,
  meta,
  plain,
  rule,
  set,
  TABLE,
  table,
} from './expressions.ts';
import { fromUplink, type Part } from './part.ts';

/** In nft's own language: its JSON (1.0.6) knows no `typeof`, and a conntrack zone has no other type. */
export const ZONES = `add table inet ${TABLE}; add map inet ${TABLE} zone { typeof meta mark : ct zone; size 4096; }`;

/** What comes in at a sliver's link. */
const atLink = match(meta('iifname'), 'sv*');
const checked = [set(meta('mark'), { '&': [meta('mark'), ~UNCHECKED_MARK >>> 0] }), accept];

/**
 * Whose a packet is. Nothing leaves a sliver with an address that isn't its own; each has connections of its own, so
 * that two may use the same port to the same destination. Each packet goes through here: what is of no concern is let go
 * first, and the link is known by the mark that a program gave there.
 */
export const origin: Part = {
  chains: [chain('origin', 'filter', 'prerouting', -300), plain('sent')],
  objects: [
    { add: { map: { ...table, name: 'marks', type: 'ifname', map: 'mark' } } },
    { add: { set: { ...table, name: 'sources', type: ['ifname', 'ipv4_addr'] } } },
    { add: { set: { ...table, name: 'sources6', type: ['ifname', 'ipv6_addr'] } } },
    { flush: { set: { ...table, name: 'sources6' } } },
    { flush: { map: { ...table, name: 'zone' } } },
    { flush: { map: { ...table, name: 'marks' } } },
    { flush: { set: { ...table, name: 'sources' } } },
  ],
  rules: (uplink) => [
    ...(uplink.marks
      ? [
          rule('origin', has(meta('mark'), UNCHECKED_MARK | FROM_MARK), go('sent')),
          rule('origin', fromUplink(uplink), accept),
          // Without the marks somebody took the program away, or what it knows links by, and until it is back nothing passes.
          rule('origin', atLink, drop),
        ]
      : [
          rule('origin', fromUplink(uplink), accept),
          rule('origin', atLink, set(meta('mark'), lookup(meta('iifname'), 'marks')), go('sent')),
        ]),
    rule(
      'sent',
      set({ ct: { key: 'zone', dir: 'original' } }, lookup({ '&': [meta('mark'), ID_MASK] }, 'zone')),
    ),
    rule('sent', match(field('ip', 'saddr'), uplink.address), ...checked),
    ...['', '6'].map((six) =>
      rule('sent', match(concat(meta('iifname'), field(`ip${six}`, 'saddr')), `@sources${six}`), ...checked),
    ),
    // Who has no address yet asks whether somebody has the one that it wants. Nobody has.
    rule('sent', match(field('ip6', 'saddr'), '::'), drop),
    rule('sent', go('spoofed')), // netns/ruleset/flows.ts counts it
  ],
  elements: (verb, id, uplink) => [
    element(verb, table, 'zone', id, id),
    ...(uplink.marks ? [] : [element(verb, table, 'marks', linkOf(id), fromMarkOf(id) | UNCHECKED_MARK)]),
    element(verb, table, 'sources', concat(linkOf(id), internalOf(id))),
    ...(uplink.prefix
      ? [
          element(verb, table, 'sources6', concat(linkOf(id), LINK_LOCAL)),
          element(verb, table, 'sources6', concat(linkOf(id), addressIn(uplink.prefix, id))),
        ]
      : []),
  ],
};
