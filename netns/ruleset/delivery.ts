import { CARRIER, linkOf, markOf } from '../numbers.ts';
import { element, lookup, meta, TABLE } from './expressions.ts';
import type { Part } from './part.ts';

/** Of the device family: objects of the other tables can't be used here. */
const table = { family: 'netdev', table: TABLE } as const;
const chain = {
  ...table,
  name: 'deliver',
  type: 'filter',
  hook: 'egress',
  dev: CARRIER,
  prio: 0,
  policy: 'accept',
};

/** What the carrier is given goes to the link of the sliver that it is marked for. */
export const delivery: Part = {
  chains: [{ add: { table: { family: table.family, name: TABLE } } }, { add: { chain } }],
  objects: [
    { add: { map: { ...table, name: 'links', type: 'mark', map: 'iface_index' } } },
    { flush: { map: { ...table, name: 'links' } } },
  ],
  rules: () => [
    {
      add: { rule: { ...table, chain: chain.name, expr: [{ fwd: { dev: lookup(meta('mark'), 'links') } }] } },
    },
  ],
  elements: (verb, { id }) => [element(verb, table, 'links', markOf(id), linkOf(id))],
};
