import type { NftCommand } from '../nftables.ts';
import { CARRIER, CARRIER_END, markOf } from '../numbers.ts';
import { type Expression, element, lookup, match, meta, TABLE, type Verb } from './expressions.ts';
import type { Part } from './part.ts';

/** Of the device family: objects of the other tables can't be used here. */
const table = { family: 'netdev', table: TABLE } as const;
const chain = (name: string, hook: string, dev: string) => ({
  add: { chain: { ...table, name, type: 'filter', hook, dev, prio: 0, policy: 'accept' } },
});
const rule = (chain: string, ...expr: Expression[]) => ({ add: { rule: { ...table, chain, expr } } });
const handOver: Expression = { fwd: { dev: lookup(meta('mark'), 'links') } };

/** Whether it waits, for a sliver that is there. */
export const waiting = (verb: Verb, id: number): NftCommand => element(verb, table, 'waiting', markOf(id));

/**
 * What the carrier is given goes to the link of the sliver that it is marked for: at once, or from the carrier's other
 * end when it has waited in the carrier's queues.
 */
export const delivery: Part = {
  chains: [
    { add: { table: { family: table.family, name: TABLE } } },
    chain('deliver', 'egress', CARRIER),
    chain('arrive', 'ingress', CARRIER_END),
  ],
  objects: [
    { add: { map: { ...table, name: 'links', type: 'mark', map: 'iface_index' } } },
    { add: { set: { ...table, name: 'waiting', type: 'mark' } } },
    { flush: { set: { ...table, name: 'waiting' } } },
  ],
  rules: () => [rule('deliver', match(meta('mark'), '@waiting', '!='), handOver), rule('arrive', handOver)],
  // What is added to `links` is in netns/ruleset/delivery-map.ts.
  elements: (verb, { id, waits }) => [
    ...(verb === 'delete' ? [element(verb, table, 'links', markOf(id))] : []),
    ...(waits ? [waiting(verb, id)] : []),
  ],
};
