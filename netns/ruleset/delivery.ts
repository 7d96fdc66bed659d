import { CARRIER, linkOf, markOf } from '../numbers.ts';
import { type Expression, element, lookup, meta, TABLE } from './expressions.ts';
import type { Part } from './part.ts';

/** Of the device family: objects of the other tables can't be used here. */
const table = { family: 'netdev', table: TABLE } as const;
const chain = (name: string, hook: string, dev: string) => ({
  add: { chain: { ...table, name, type: 'filter', hook, dev, prio: 0, policy: 'accept' } },
});
const handOver: Expression = { fwd: { dev: lookup(meta('mark'), 'links') } };

/**
 * What the carrier is given goes to the link of the sliver that it is marked for, where no BPF program hands it over
 * (netns/bpf/links.h). What such rules would take from under the programs is taken away.
 */
export const delivery: Part = {
  chains: [],
  objects: [
    { add: { table: { family: table.family, name: TABLE } } },
    { delete: { table: { family: table.family, name: TABLE } } },
  ],
  rules: ({ marks }) =>
    marks
      ? []
      : [
          { add: { table: { family: table.family, name: TABLE } } },
          { add: { map: { ...table, name: 'links', type: 'mark', map: 'iface_index' } } },
          chain('deliver', 'egress', CARRIER),
          { add: { rule: { ...table, chain: 'deliver', expr: [handOver] } } },
        ],
  elements: (verb, id, { marks }) => (marks ? [] : [element(verb, table, 'links', markOf(id), linkOf(id))]),
};
