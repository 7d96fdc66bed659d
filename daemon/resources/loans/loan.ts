import { type AmountKey, amountsOf, exact, peak } from '../amounts.ts';
import { LEAST_RATE, type RSpec } from '../rspec.ts';
import type { Timed } from '../schedule.ts';

/** Resources of one sliver that another of the node has for a time. `slivers`: the lender, and then the borrower. */
export interface Loan extends Timed {
  readonly lender: string;
  readonly borrower: string;
}

/** What a lender keeps: enough to be logged in to, and to see why it is slow. */
const FLOORS: Partial<Record<AmountKey, number>> = {
  'cpu.max': 0.01,
  'cpu.weight': 1,
  'memory.max': 64 * 2 ** 20,
  'pids.max': 64,
  'io.weight': 1,
  'net.up.min': 0,
  'net.up.max': LEAST_RATE,
  'net.down.min': 0,
  'net.down.max': LEAST_RATE,
  'net.weight': 1,
  'net.connections': 64,
  'net.up.day.bytes': 2 ** 20,
  'net.down.day.bytes': 2 ** 20,
};

/**
 * Why a sliver can't lend that, if it can't. It lends of its own alone, never what it has by a lease or was lent itself.
 * @param lent what it has lent already
 */
export function unlendable(
  own: RSpec,
  { rspec, from, until }: Pick<Loan, 'rspec' | 'from' | 'until'>,
  lent: readonly Loan[],
): string | undefined {
  for (const [key, amount] of amountsOf(rspec)) {
    const floor = FLOORS[key];
    if (floor === undefined)
      return `${key} can't be lent: not its disk, for what was written can't be taken back, nor what only a lease gives`;
    const has = own[key as keyof RSpec];
    if (typeof has !== 'number') return `${key} is without bound ('max'): there is nothing to take it from`;
    const left = exact(has - peak(lent, key, from, until) - floor);
    if (amount > left)
      return `${key} = ${amount} asked for, but of its own ${has} there is ${Math.max(left, 0)} left to lend: ${floor} stays with it, what others have of it and what it was given itself is not lent on`;
  }
  for (const way of ['up', 'down'] as const) {
    const most = own[`net.${way}.max`];
    if (most === 'max') continue;
    // What is promised to it is had whatever it may have at most, so that it can't lend the one and keep the other.
    const [all, apart] = [[...lent, { rspec, from, until }], `net.${way}.max` as const];
    const beyond = all.map((one) => ({
      ...one,
      rspec: { [apart]: (one.rspec[apart] ?? 0) - (one.rspec[`net.${way}.min`] ?? 0) },
    }));
    const least = own[`net.${way}.min`];
    if (peak(beyond, apart, from, until) > most - least)
      return `${apart}: it would be less than its net.${way}.min (${least} less what is lent of that): lend that too`;
  }
  return undefined;
}

/** The first loan that an RSpec of the lender's would not have any more. */
export function uncovered(own: RSpec, lent: readonly Loan[]): Loan | undefined {
  return lent.find((loan) =>
    unlendable(
      own,
      loan,
      lent.filter((other) => other !== loan),
    ),
  );
}
