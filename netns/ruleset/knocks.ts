import { SLIVER_MARK } from '../numbers.ts';
import {
  chain,
  ct,
  type Expression,
  field,
  go,
  has,
  lacks,
  lookedUp,
  match,
  meta,
  plain,
  rule,
  set,
  TABLE,
} from './expressions.ts';
import { isNew, type Part } from './part.ts';

/** Set in the connection mark of one that is counted; the other bits may be somebody else's. */
const COUNTED = 0x100000;
/** In the connection's status: the answer to the node's first packet was the right one. */
const ASSURED = 4;
/** Sources that are remembered. Who finds no place more isn't held. */
const REMEMBERED = 65_536;

/** Whom a packet is counted for, and the sets that have those. */
interface Source {
  readonly key: unknown;
  readonly type: string;
  /** What the sets' names end with. */
  readonly of: string;
}
const ip: Source = { key: field('ip', 'saddr'), type: 'ipv4_addr', of: '' };
/** One person may have a network of 64 bits. */
const network: Source = {
  key: { '&': [field('ip6', 'saddr'), 'ffff:ffff:ffff:ffff::'] },
  type: 'ipv6_addr',
  of: '6',
};
/** Its address may be that of all slivers. */
const sliver: Source = { key: ct('mark'), type: 'mark', of: '_sliver' };

/**
 * In nft's own language: its JSON (1.0.6) can't say what is in an element. Kept when the rules are made anew. So many
 * connections a source may have begun without a login, and one more each second; then it is held for a minute.
 */
export const KNOCK_SETS = [ip, network, sliver]
  .flatMap(({ type, of }) => {
    const has = `type ${type}; size ${REMEMBERED}; flags dynamic,timeout`;
    return [
      `set inet ${TABLE} knocks${of} { ${has}; timeout 10m; limit rate over 1/second burst 240 packets; }`,
      `set inet ${TABLE} held${of} { ${has}; timeout 1m; counter; }`,
    ];
  })
  .map((what) => `add ${what};`)
  .join('\n');

const refuse = ({ key, of }: Source, chain: string) =>
  rule(chain, isNew, lookedUp(key, `held${of}`), { reject: { type: 'tcp reset' } });
/** The second is come to by who is over its limit. */
const count = ({ key, of }: Source): Expression[] => [
  { set: { op: 'update', elem: key, set: `@knocks${of}` } },
  { set: { op: 'add', elem: key, set: `@held${of}` } },
];

/**
 * Who connects to the node's ssh again and again and never logs in is refused for a while; who does is forgiven
 * (netns/limits/knocks.ts). Counted is who has shown that it hears the answers, or anybody could have another refused; a sliver
 * has shown by its link who it is.
 */
export const knocks: Part = {
  chains: [chain('door', 'filter', 'input', -10), ...['knocking', 'knocked', 'sliver_knocking'].map(plain)],
  objects: [],
  rules: ({ door }) =>
    door === undefined
      ? []
      : [
          rule('door', match(field('tcp', 'dport'), door), match(meta('iif'), 'lo', '!='), go('knocking')),
          rule('knocking', has(ct('mark'), SLIVER_MARK), go('sliver_knocking')),
          ...[ip, network].map((source) => refuse(source, 'knocking')),
          rule(
            'knocking',
            has(ct('status'), ASSURED),
            lacks(ct('mark'), COUNTED),
            set(ct('mark'), { '|': [ct('mark'), COUNTED] }),
            go('knocked'),
          ),
          ...[ip, network].map((source) => rule('knocked', ...count(source))),
          refuse(sliver, 'sliver_knocking'),
          rule('sliver_knocking', isNew, ...count(sliver)),
        ],
  elements: () => [],
};
