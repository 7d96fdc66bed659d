import { type Static, Type } from 'typebox';
import { BYTES_PER_INODE, RSpec } from './rspec.ts';

/** What can be promised, leased and lent: keys of the RSpec whose amounts add up, in their units, on top of what a sliver has. */
const amount = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
export const Amounts = Type.Partial(
  Type.Object({
    'cpu.max': Type.Number({ minimum: 0.01, maximum: 4096, description: 'Cores.' }),
    'cpu.weight': amount,
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

/** A sliver's resources with these on top; what has no bound gets none, and each key stays what the kernel can be told. */
export function withAmounts(rspec: RSpec, more: readonly Amounts[]): RSpec {
  if (more.length === 0) return rspec;
  const sum: Record<string, number | string> = { ...rspec };
  for (const amounts of more)
    for (const [key, amount] of amountsOf(amounts)) {
      const has = sum[key];
      if (typeof has === 'number') sum[key] = Math.min(exact(has + amount), largest(key));
    }
  const { 'disk.bytes': bytes, 'disk.inodes': inodes } = sum as unknown as RSpec;
  sum['disk.inodes'] = Math.min(inodes, Math.floor(bytes / BYTES_PER_INODE));
  for (const way of ['up', 'down'] as const) {
    const [least, most] = [sum[`net.${way}.min`] as number, sum[`net.${way}.max`]];
    // Promised is promised, whatever it may have at most.
    if (typeof most === 'number') sum[`net.${way}.max`] = Math.max(least, most);
  }
  return sum as unknown as RSpec;
}

function largest(key: AmountKey): number {
  const schema = RSpec.properties[key] as { maximum?: number; anyOf?: { maximum?: number }[] };
  return (
    schema.maximum ??
    schema.anyOf?.find(({ maximum }) => maximum !== undefined)?.maximum ??
    Number.MAX_SAFE_INTEGER
  );
}
