import type { NftCommand } from '../nftables.ts';
import { delivery } from './delivery.ts';
import { TABLE, type Verb } from './expressions.ts';
import { FLOW_SETS, flows } from './flows.ts';
import { forward } from './forward.ts';
import { KNOCK_SETS, knocks } from './knocks.ts';
import { origin, ZONES } from './origin.ts';
import { ownConnections } from './own-connections.ts';
import type { Part, Uplink } from './part.ts';
import { reservations } from './reservations.ts';
import { source } from './source.ts';
import { steer } from './steer.ts';

/**
 * The whole ruleset of a node: two tables of our own, which hold for slivers' links, the carrier and what is marked
 * for slivers on the uplink, and let everything else pass untouched.
 */
const PARTS: readonly Part[] = [
  flows,
  origin,
  reservations,
  steer,
  ownConnections,
  forward,
  source,
  delivery,
  knocks,
];

/** What JSON can't say, in nft's own language, to be applied ahead of the rest. */
export const TEXT = [ZONES, FLOW_SETS, KNOCK_SETS].join('\n');
export { reservation } from './reservations.ts';

/** All rules and the elements of these slivers; in one transaction they take the place of what was there. */
export function ruleset(uplink: Uplink, ids: readonly number[]): NftCommand[] {
  return [
    ...PARTS.flatMap(({ chains }) => chains.flatMap((command) => [command, ...flushed(command)])),
    ...PARTS.flatMap(({ objects }) => objects),
    ...PARTS.flatMap(({ rules }) => rules(uplink)),
    ...ids.flatMap((id) => elements('add', id, uplink)),
  ];
}

/** One sliver's elements. */
export function elements(verb: Verb, id: number, uplink: Uplink): NftCommand[] {
  return PARTS.flatMap((part) => part.elements(verb, id, uplink));
}

export const removal: NftCommand[] = ['inet', 'netdev'].flatMap((family) => [
  { add: { table: { family, name: TABLE } } },
  { delete: { table: { family, name: TABLE } } },
]);

function flushed(command: NftCommand): NftCommand[] {
  const { chain } = command.add as { chain?: { family: string; table: string; name: string } };
  if (!chain) return [];
  const { family, table, name } = chain;
  return [{ flush: { chain: { family, table, name } } }];
}
