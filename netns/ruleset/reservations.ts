import type { NftCommand } from '../nftables.ts';
import { FOREIGN_MARK, linkOf, markOf } from '../numbers.ts';
import type { Protocol } from '../ports/layout.ts';
import {
  concat,
  type Expression,
  element,
  field,
  lookup,
  match,
  meta,
  rule,
  set,
  table,
  type Verb,
} from './expressions.ts';
import { isNew, type Part, type Uplink } from './part.ts';

/** A port (0: the whole IP protocol) that is held for a sliver where nothing is arbitrated at binds. */
export interface Reservation {
  readonly id: number;
  readonly protocol: Protocol;
  readonly port: number;
}

const to = concat(meta('l4proto'), field('th', 'dport'));
const from = concat(meta('l4proto'), field('th', 'sport'));

/** What comes in for a reserved port belongs to its sliver, and nobody else sends from it: what BPF programs do elsewhere. */
export const reservations: Part = {
  chains: [],
  objects: [
    { add: { map: { ...table, name: 'reserved', type: ['inet_proto', 'inet_service'], map: 'mark' } } },
    { add: { map: { ...table, name: 'protocols', type: 'inet_proto', map: 'mark' } } },
    { add: { set: { ...table, name: 'taken', type: ['inet_proto', 'inet_service'] } } },
    { add: { set: { ...table, name: 'own', type: ['ifname', 'inet_proto', 'inet_service'] } } },
    { flush: { map: { ...table, name: 'reserved' } } },
    { flush: { map: { ...table, name: 'protocols' } } },
    { flush: { set: { ...table, name: 'taken' } } },
    { flush: { set: { ...table, name: 'own' } } },
  ],
  rules: (uplink) => uplink.reserved.flatMap((one) => reservation('add', one)),
  elements: () => [],
};

/** Rules ahead of those that make a connection the sliver's whose mark it has; none where programs do it. */
export function reservedFrom(where: 'world' | 'sliver', uplink: Uplink): NftCommand[] {
  if (uplink.marks) return [];
  const here: Expression[] = [match(field('ip', 'daddr'), uplink.address), isNew];
  if (where === 'world')
    return [
      rule('from_world', ...here, set(meta('mark'), lookup(to, 'reserved'))),
      rule('from_world', ...here, set(meta('mark'), lookup(meta('l4proto'), 'protocols'))),
    ];
  return [
    rule(
      'from_sliver',
      match(from, '@taken'),
      match(concat(meta('iifname'), meta('l4proto'), field('th', 'sport')), '@own', '!='),
      set(meta('mark'), { '|': [meta('mark'), FOREIGN_MARK] }),
    ),
  ];
}

export function reservation(verb: Verb, { id, protocol, port }: Reservation): NftCommand[] {
  if (typeof protocol === 'number') return [element(verb, table, 'protocols', protocol, markOf(id))];
  return [
    element(verb, table, 'reserved', concat(protocol, port), markOf(id)),
    element(verb, table, 'taken', concat(protocol, port)),
    element(verb, table, 'own', concat(linkOf(id), protocol, port)),
  ];
}
