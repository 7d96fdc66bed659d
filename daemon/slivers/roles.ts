import { type Static, Type } from 'typebox';
import { Amounts } from '../resources/amounts.ts';
import { isWithin, ONE_OR_SITE } from '../resources/slices.ts';

/**
 * What a slice may do by its manager's socket beyond what every slice may. Few, and they add up; the administrator alone gives
 * them. What each means is in one table (manager/callers/rights.ts).
 */
const Slices = Type.Array(
  Type.String({
    pattern: `^(${ONE_OR_SITE}|\\*)$`,
    description: 'A slice, all of a site (`ucb_*`), or all (`*`).',
  }),
  { minItems: 1, maxItems: 1000, description: 'Which slices.' },
);

/** What an authority's slivers may have together; a key that isn't there is bounded by the node alone. */
export const SHARED = ['cpu.max', 'memory.max', 'disk.bytes', 'net.up.min', 'net.down.min'] as const;
const most = Type.Optional(Type.Number({ minimum: 0 }));
const Share = Type.Object(
  {
    slivers: Type.Optional(Type.Integer({ minimum: 0, description: 'How many.' })),
    'cpu.max': most,
    'memory.max': most,
    'disk.bytes': most,
    'net.up.min': most,
    'net.down.min': most,
  },
  {
    additionalProperties: false,
    description: 'What those slivers may have together, in the units of the RSpec.',
  },
);
export type Share = Static<typeof Share>;

export const Role = Type.Union(
  [
    Type.Object(
      { role: Type.Literal('authority'), slices: Slices, share: Type.Optional(Share) },
      {
        additionalProperties: false,
        description: 'Creates slivers of these slices, and may all with those that it created.',
      },
    ),
    Type.Object(
      { role: Type.Literal('control'), slices: Slices },
      {
        additionalProperties: false,
        description: 'Sees these slivers, starts, stops and resets them, ends their sessions.',
      },
    ),
    Type.Object(
      { role: Type.Literal('broker'), slices: Slices, share: Amounts },
      {
        additionalProperties: false,
        description: 'Issues tickets for these slices, of what is in its share.',
      },
    ),
    Type.Object(
      { role: Type.Literal('flows') },
      { additionalProperties: false, description: "Reads all slices' flows." },
    ),
  ],
  { description: "What a slice may do by its manager's socket." },
);
export type Role = Static<typeof Role>;

/** What a broker may promise to slivers of a slice or site; none: nothing. */
export function brokerShare(roles: readonly Role[], target: string | undefined): Amounts | undefined {
  for (const role of roles)
    if (
      role.role === 'broker' &&
      role.slices.some((one) => one === '*' || (target !== undefined && isWithin(one, target)))
    )
      return role.share;
  return undefined;
}

/** Whether a name is among those of a role. */
export function covers(role: Role, name: string): boolean {
  if (!('slices' in role)) return false;
  return role.slices.some((one) => isWithin(one, name));
}
