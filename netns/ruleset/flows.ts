import { GATEWAY, SLIVER_MARK } from '../numbers.ts';
import {
  chain,
  concat,
  ct,
  drop,
  type Expression,
  field,
  go,
  has,
  lookedUp,
  match,
  meta,
  plain,
  rule,
  set,
  TABLE,
} from './expressions.ts';
import { fromSliver, isNew, type Part, toUplink } from './part.ts';

/** Why a packet of a sliver isn't let through: a chain of that name, and a set in which each sliver has a counter. */
export const REASONS = ['connections', 'rate', 'destinations', 'owner', 'spoofed'] as const;
export type Reason = (typeof REASONS)[number];

/** By the link, where the mark isn't known yet, or not to be believed. */
const key = (reason: Reason) => (reason === 'spoofed' ? 'ifname' : 'mark');
/** As many slivers as there can be. */
const PLACES = 4096;
/** Destinations that are remembered, of all slivers. Who finds no place more is none the better for it. */
const REMEMBERED = 131_072;

/**
 * In nft's own language: its JSON (1.0.6) can't say what is in an element. All are kept when the rules are made anew:
 * they have counted, and know who has what left. `begun`, `reached` and `told` are each sliver's own bounds, and `open` leads to
 * the chain of all that may have as many connections.
 */
export const FLOW_SETS = [
  `map inet ${TABLE} open { type mark : verdict; size ${PLACES}; }`,
  ...['limit rate over 1/second', 'limit rate over 1/minute', 'limit rate 1/second'].map(
    (stateful, at) =>
      `set inet ${TABLE} ${['begun', 'reached', 'told'][at]} { type mark; size ${PLACES}; flags dynamic; ${stateful}; }`,
  ),
  ...REASONS.map(
    (reason) =>
      `set inet ${TABLE} ${reason} { type ${key(reason)}; size ${PLACES}; flags dynamic; counter; }`,
  ),
  `set inet ${TABLE} bounded { type mark; size ${PLACES}; }`,
  ...['', '6'].flatMap((six) => [
    `set inet ${TABLE} seen${six} { type mark . ipv${six || 4}_addr; size ${REMEMBERED}; flags dynamic,timeout; timeout 1m; }`,
    `set inet ${TABLE} unwanted${six} { type ipv${six || 4}_addr; flags interval; auto-merge; }`,
    // One for each protocol: Debian's kernel 6.12 takes no range of an element that begins with one.
    ...['tcp', 'udp'].map(
      (protocol) =>
        `set inet ${TABLE} unwanted_${protocol}${six} { type inet_service . ipv${six || 4}_addr; flags interval; }`,
    ),
  ]),
  `set inet ${TABLE} near { type ipv6_addr; size ${REMEMBERED}; flags dynamic,timeout; timeout 4s; }`,
  `set inet ${TABLE} nearby { type mark; size ${PLACES}; flags dynamic; limit rate over 10/second burst 50 packets; }`,
  // What is closed is counted for nobody, so it mustn't stay long: two minutes are usual.
  `ct timeout inet ${TABLE} closing { protocol tcp; l3proto ip; policy = { time_wait : 10, close : 5 }; }`,
]
  .map((what) => `add ${what};`)
  .join('\n');

/**
 * The chain that those go through who may have so many connections at once, and the set in which the kernel counts them: it
 * takes away an element that has none, so that one with a bound of its own wouldn't stay.
 */
export const openChain = (connections: number): string => `open_${connections}`;
export function openRules(connections: number): string[] {
  const name = openChain(connections);
  const named = `inet ${TABLE} ${name}`;
  return [
    `add set ${named} { type mark; size ${PLACES}; flags dynamic; }`,
    `add chain ${named}`,
    `flush chain ${named}`,
    `add rule ${named} add @${name} { ct mark ct count over ${connections} } goto connections`,
  ];
}
export function noOpenRules(connections: number): string[] {
  const named = `inet ${TABLE} ${openChain(connections)}`;
  return [`flush chain ${named}`, `delete chain ${named}`, `delete set ${named}`];
}

/** The first packet of what may become a connection. */
const unconfirmed = match({ '&': [ct('status'), 8] }, 0);
const families = ['', '6'] as const;
const destination = (six: string) => field(six ? 'ip6' : 'ip', 'daddr');
/** Whom on the link it is handed to: a router, or who it is for. */
const next = { rt: { key: 'nexthop', family: 'ip6' } };
const put = (op: 'add' | 'update', elem: unknown, name: string): Expression => ({
  set: { op, elem, set: `@${name}` },
});
const remember = (six: string) => put('update', concat(ct('mark'), destination(six)), `seen${six}`);

/**
 * How many connections slivers have at once, how many destinations they reach, and what the owner wants nobody to reach
 * (docs/decisions/0022-flow-limits.md). Only what begins is looked at: what is there goes on.
 */
export const flows: Part = {
  chains: [
    // netns/ruleset/forward.ts leads to `beginning`. Not before it is routed: an error sent then would have the address of
    // whom it was for, which isn't the node's.
    ...[...REASONS, 'turn_away', 'opening', 'leaving', 'nearing', 'beginning'].map(plain),
    chain('coming', 'filter', 'input', -20),
    chain('answers', 'route', 'output', -150),
  ],
  objects: [],
  rules: (uplink) => [
    rule('coming', isNew, unconfirmed, has(ct('mark'), SLIVER_MARK), go('opening', 'jump')),
    rule('beginning', unconfirmed, has(ct('mark'), SLIVER_MARK), go('opening', 'jump')),
    rule('beginning', fromSliver, toUplink(uplink), go('leaving', 'jump')),
    rule('opening', fromSliver, lookedUp(ct('mark'), 'begun'), go('rate')),
    rule('opening', { vmap: { key: ct('mark'), data: '@open' } }),
    rule('opening', match(meta('l4proto'), 'tcp'), { 'ct timeout': 'closing' }),

    ...families.flatMap((six) => [
      rule('leaving', lookedUp(destination(six), `unwanted${six}`), go('owner')),
      ...['tcp', 'udp'].map((protocol) =>
        rule(
          'leaving',
          match(meta('l4proto'), protocol),
          lookedUp(concat(field('th', 'dport'), destination(six)), `unwanted_${protocol}${six}`),
          go('owner'),
        ),
      ),
    ]),
    rule('leaving', match(meta('nfproto'), 'ipv6'), go('nearing', 'jump')),
    rule('leaving', match(ct('mark'), '@bounded', '!='), { return: null }),
    ...families.map((six) =>
      rule('leaving', lookedUp(concat(ct('mark'), destination(six)), `seen${six}`), remember(six), {
        return: null,
      }),
    ),
    rule('leaving', lookedUp(ct('mark'), 'reached'), go('destinations')),
    ...families.map((six) => rule('leaving', remember(six))),

    // The kernel has places for a thousand neighbours, of all links and slivers, and asks three seconds for one that isn't
    // there. Nobody is near for longer than that without being counted anew.
    rule('nearing', lookedUp(next, 'near'), { return: null }),
    rule('nearing', put('update', ct('mark'), 'nearby'), go('destinations')),
    rule('nearing', { limit: { rate: 100, burst: 200, per: 'second', inv: true } }, go('destinations')),
    rule('nearing', put('add', next, 'near')),

    ...REASONS.flatMap((reason) => [
      rule(reason, lookedUp(reason === 'spoofed' ? meta('iifname') : ct('mark'), reason)), // counts
      rule(reason, reason === 'spoofed' ? drop : go('turn_away')),
    ]),
    // Not by a reset: who measures would take that for the other end's.
    rule('turn_away', fromSliver, lookedUp(ct('mark'), 'told'), {
      reject: { type: 'icmpx', expr: 'admin-prohibited' },
    }),
    rule('turn_away', drop),

    // What the node itself answers to a sliver's shared address is for the sliver, though that is the node's own too.
    ...[
      [match(field('ip', 'saddr'), uplink.address), set(field('ip', 'saddr'), GATEWAY)],
      [set(meta('mark'), ct('mark'))],
    ].map((then) =>
      rule(
        'answers',
        match({ ct: { key: 'state' } }, 'related', 'in'),
        has(ct('mark'), SLIVER_MARK),
        match(field('ip', 'daddr'), uplink.address),
        ...then,
      ),
    ),
  ],
  elements: () => [], // by netns/limits/, which knows what each has
};
