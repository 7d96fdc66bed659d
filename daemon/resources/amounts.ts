import { type Static, Type } from 'typebox';
import { BYTES_PER_INODE, RSpec } from './rspec.ts';

/** What can be promised, leased and lent: keys of the RSpec whose amounts add up (and two of their own, of what can't be shared), in their units, on top of what a sliver has. */
const amount = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
export const Amounts = Type.Partial(
  Type.Object({
    'cpu.max': Type.Number({ minimum: 0.01, maximum: 4096, description: 'Cores.' }),
    'cpu.weight': amount,
    'cpu.cores': Type.Integer({
      minimum: 1,
      maximum: 4096,
      description: 'Whole cores, for nobody else meanwhile.',
    }),
    node: Type.Literal(1, { description: 'The whole node: all others are frozen meanwhile.' }),
    'memory.max': amount,
    'pids.max': amount,
    'io.weight': amount,
    'disk.bytes': amount,
    'disk.inodes': amount,
    'net.up.min': amount,
    'net.up.max': amount,
    'net.down.min': amount,
    'net.down.max': amount,
    'net.weight': amount,
    'net.connections': amount,
    'net.up.day.bytes': amount,
    'net.down.day.bytes': amount,
  }),
  { additionalProperties: false, minProperties: 1 },
);
export type Amounts = Static<typeof Amounts>;
export type AmountKey = keyof Amounts;

export const amountsOf = (amounts: Amounts) => Object.entries(amounts) as [AmountKey, number][];

/** Held for a time, from `from` until just before `until`, in milliseconds since 1970. */
export interface Holding {
  readonly rspec: Amounts;
  readonly from: number;
  readonly until: number;
}

export const overlaps = (one: Omit<Holding, 'rspec'>, from: number, until: number) =>
  one.from < until && from < one.until;

/** Sums of cores, which are parts of one: 0.1 and 0.2 are 0.3. */
export const exact = (sum: number) => (Number.isInteger(sum) ? sum : Math.round(sum * 1e6) / 1e6);

/** The most of a key that is held at once within a time: where one ends as another begins, they are never both counted. */
export function peak(holdings: Iterable<Holding>, key: AmountKey, from: number, until: number): number {
  const steps: [at: number, amount: number][] = [];
  for (const one of holdings) {
    const amount = one.rspec[key];
    if (amount === undefined || !overlaps(one, from, until)) continue;
    steps.push([Math.max(one.from, from), amount], [one.until, -amount]);
  }
  steps.sort(([a, more], [b, other]) => a - b || more - other);
  let [held, most] = [0, 0];
  for (const [, amount] of steps) {
    held = exact(held + amount);
    most = Math.max(most, held);
  }
  return most;
}

/**
 * A sliver's resources with some on top, and some taken away; what has no bound gets none, and all of it stays what the kernel can be
 * told.
 */
export function withAmounts(rspec: RSpec, more: readonly Amounts[], less: readonly Amounts[] = []): RSpec {
  const sum: Record<string, number | string> = { ...rspec };
  const add = (amounts: Amounts, sign: 1 | -1) => {
    for (const [key, amount] of amountsOf(amounts)) {
      const has = sum[key];
      if (typeof has === 'number') sum[key] = Math.min(exact(has + sign * amount), bound('maximum', key));
    }
  };
  for (const amounts of less) add(amounts, -1);
  // A clock that was set back has loans again that were over, and others were made since: together more than there was.
  for (const key of less.flatMap((amounts) => Object.keys(amounts) as AmountKey[]))
    if (typeof sum[key] === 'number') sum[key] = Math.max(sum[key], bound('minimum', key));
  for (const amounts of more) add(amounts, 1);
  return fitting(sum as unknown as RSpec);
}

/** One key may be bounded by another, which was left alone. */
function fitting(rspec: RSpec): RSpec {
  const fit: RSpec = { ...rspec };
  const lesser = (one: number | 'max', other: number | 'max') =>
    other === 'max' ? one : one === 'max' ? other : Math.min(one, other);
  fit['disk.inodes'] = Math.min(rspec['disk.inodes'], Math.floor(rspec['disk.bytes'] / BYTES_PER_INODE));
  if (rspec['memory.high'] !== 'max') fit['memory.high'] = lesser(rspec['memory.high'], rspec['memory.max']);
  for (const way of ['up', 'down'] as const) {
    const [least, most] = [rspec[`net.${way}.min`], rspec[`net.${way}.max`]];
    // Promised is promised, whatever it may have at most.
    if (most !== 'max') fit[`net.${way}.max`] = Math.max(least, most);
    const threshold = rspec[`net.${way}.day.threshold`];
    if (threshold !== 'max')
      fit[`net.${way}.day.threshold`] = lesser(threshold, rspec[`net.${way}.day.bytes`]);
  }
  return fit;
}

function bound(which: 'minimum' | 'maximum', key: AmountKey): number {
  type Bounds = { minimum?: number; maximum?: number };
  const schema = (RSpec.properties as Partial<Record<AmountKey, object>>)[key] as Bounds & {
    anyOf?: Bounds[];
  };
  const one = [schema, ...(schema.anyOf ?? [])].find((each) => each[which] !== undefined);
  return one?.[which] ?? (which === 'minimum' ? 0 : Number.MAX_SAFE_INTEGER);
}
