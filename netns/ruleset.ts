import type { NftCommand } from './nftables.ts';
import { CARRIER, FOREIGN_MARK, internalOf, linkOf, markOf, SLIVER_MARK } from './numbers.ts';
import { DEFAULT_RANGES } from './ports/settings.ts';

/**
 * The whole ruleset of a node: two tables of our own, which hold for slivers' links, the carrier and what is marked
 * for slivers on the uplink, and let everything else pass untouched.
 */
export const TABLE = 'sliverd';
const table = { family: 'inet', table: TABLE } as const;
const carrierTable = { family: 'netdev', table: TABLE } as const;

type Expression = Readonly<Record<string, unknown>>;
const meta = (key: string) => ({ meta: { key } });
const ct = (key: string) => ({ ct: { key } });
const match = (left: unknown, right: unknown, op = '=='): Expression => ({ match: { op, left, right } });
const lookup = (key: unknown, map: string) => ({ map: { key, data: `@${map}` } });
const set = (key: unknown, value: unknown): Expression => ({ mangle: { key, value } });
const marked = (key: unknown) => match({ '&': [key, SLIVER_MARK] }, SLIVER_MARK);
const counted = (name: string): Expression => ({ counter: name });
const drop: Expression = { drop: null };
const accept: Expression = { accept: null };

const fromSliver = match(meta('iifname'), 'sv*');
const toSliver = match(meta('oifname'), 'sv*');
const isNew = match(ct('state'), 'new', 'in');

export interface Uplink {
  readonly name: string;
  /** The node's public IPv4 address, in dotted form. */
  readonly address: string;
}

/** In nft's own language: its JSON (1.0.6) knows no `typeof`, and a conntrack zone has no other type. */
export const ZONES = `add table inet ${TABLE}; add map inet ${TABLE} zones { typeof iifname : ct zone; }`;

function chain(name: string, type: string, hook: string, prio: number): NftCommand {
  return { add: { chain: { ...table, name, type, hook, prio, policy: 'accept' } } };
}

const rule = (name: string, ...expr: Expression[]): NftCommand => ({
  add: { rule: { ...table, chain: name, expr } },
});

/** Everything but the slivers' elements; in one transaction it takes the place of what was there. */
export function skeleton(uplink: Uplink): NftCommand[] {
  const fromUplink = match(meta('iifname'), uplink.name);
  const toUplink = match(meta('oifname'), uplink.name);
  const chains = ['origin', 'steer', 'forward', 'source'];
  return [
    { add: { counter: { ...table, name: 'spoofed' } } },
    { add: { map: { ...table, name: 'marks', type: 'ifname', map: 'mark' } } },
    { add: { set: { ...table, name: 'sources', type: ['ifname', 'ipv4_addr'] } } },
    chain('origin', 'filter', 'prerouting', -300),
    chain('steer', 'filter', 'prerouting', -150),
    chain('forward', 'filter', 'forward', 0),
    chain('source', 'nat', 'postrouting', 100),
    ...chains.map((name) => ({ flush: { chain: { ...table, name } } })),
    ...['zones', 'marks'].map((name) => ({ flush: { map: { ...table, name } } })),
    { flush: { set: { ...table, name: 'sources' } } },

    // Nothing leaves a sliver with an address that isn't its own; each has connections of its own, so that two may
    // use the same port to the same destination.
    rule(
      'origin',
      fromSliver,
      match({ concat: [meta('iifname'), { payload: { protocol: 'ip', field: 'saddr' } }] }, '@sources', '!='),
      counted('spoofed'),
      drop,
    ),
    rule('origin', fromSliver, match(meta('nfproto'), 'ipv6'), counted('spoofed'), drop), // it has none of its own
    rule(
      'origin',
      fromSliver,
      set({ ct: { key: 'zone', dir: 'original' } }, lookup(meta('iifname'), 'zones')),
    ),

    // A connection belongs to the sliver that began it, or whose port it came to (the mark that the steering program
    // on the uplink gave its first packet). Replies and errors follow their connection.
    rule('steer', fromSliver, isNew, set(ct('mark'), lookup(meta('iifname'), 'marks'))),
    rule('steer', fromUplink, isNew, marked(meta('mark')), set(ct('mark'), meta('mark'))),
    rule('steer', fromUplink, marked(ct('mark')), set(meta('mark'), ct('mark'))),

    // From the world to slivers by the carrier alone, and from slivers to the world and to each other.
    rule('forward', fromUplink, match(meta('oifname'), CARRIER), marked(meta('mark')), accept),
    rule('forward', match(meta('oifname'), CARRIER), drop),
    rule('forward', fromSliver, toUplink, accept),
    rule('forward', fromSliver, toSliver, accept),
    rule('forward', fromSliver, drop),
    rule('forward', toSliver, drop),

    rule(
      'source',
      toUplink,
      match({ '&': [meta('mark'), FOREIGN_MARK] }, FOREIGN_MARK),
      match(meta('l4proto'), { set: ['tcp', 'udp'] }),
      { snat: { family: 'ip', addr: uplink.address, port: { range: [...DEFAULT_RANGES.remap] } } },
    ),
    rule('source', toUplink, marked(ct('mark')), { snat: { family: 'ip', addr: uplink.address } }),

    { add: { table: { family: 'netdev', name: TABLE } } },
    { add: { map: { ...carrierTable, name: 'links', type: 'mark', map: 'iface_index' } } },
    {
      add: {
        chain: {
          ...carrierTable,
          name: 'deliver',
          type: 'filter',
          hook: 'egress',
          dev: CARRIER,
          prio: 0,
          policy: 'accept',
        },
      },
    },
    { flush: { chain: { ...carrierTable, name: 'deliver' } } },
    { flush: { map: { ...carrierTable, name: 'links' } } },
    {
      add: {
        rule: {
          ...carrierTable,
          chain: 'deliver',
          expr: [{ fwd: { dev: lookup(meta('mark'), 'links') } }],
        },
      },
    },
  ];
}

/** A sliver's elements, to be added once its link is there or deleted when it is gone. */
export function elements(verb: 'add' | 'delete', id: number, address: string): NftCommand[] {
  const link = linkOf(id);
  const element = (of: object, name: string, elem: unknown): NftCommand => ({
    [verb]: { element: { ...of, name, elem: [elem] } },
  });
  const pair = (key: unknown, value: unknown) => (verb === 'add' ? [key, value] : key);
  return [
    element(table, 'zones', pair(link, id)),
    element(table, 'marks', pair(link, markOf(id))),
    element(table, 'sources', { concat: [link, address] }),
    element(table, 'sources', { concat: [link, internalOf(id)] }),
    element(carrierTable, 'links', pair(markOf(id), link)),
  ];
}

export const removal: NftCommand[] = [
  { add: { table: { family: 'inet', name: TABLE } } },
  { delete: { table: { family: 'inet', name: TABLE } } },
  { add: { table: { family: 'netdev', name: TABLE } } },
  { delete: { table: { family: 'netdev', name: TABLE } } },
];
