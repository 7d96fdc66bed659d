import { type AmountKey, type Amounts, amountsOf, exact, type Holding, overlaps, peak } from '../amounts.ts';
import { accountOf, type Link } from '../tickets/link.ts';
import type { Lease } from './lease.ts';

/** Who promised more than was promised to them, as it comes out when the last of it is asked for. */
export interface Overpromise {
  /** Which link of the ticket was given on in more parts than it has, from 0; -1: the share of the slice that issued it. */
  readonly at: number;
  readonly key: AmountKey;
  readonly promised: number;
  /** At once, within the time that is asked for. */
  readonly taken: number;
  readonly wanted: number;
  /** Leases that have it. */
  readonly leases: readonly Lease[];
}

/** The accounts that a ticket's lease counts for: each link but the last is what somebody gave on. */
export const accountsOf = (links: readonly Link[]): string[] => links.slice(0, -1).map(accountOf);

/**
 * Each link's holder can give on at most what it was given, at any time, whatever the holder signed: in order of arrival.
 * @param others leases that may count for the same
 * @param sharing the share of the slice that issued the first, if one did, and leases that have parts of it
 * @returns the last link that doesn't have it any more
 */
export function overpromised(
  links: readonly Link[],
  { rspec, from, until }: Holding,
  others: readonly Lease[],
  sharing?: { readonly share: Amounts; readonly leases: readonly Lease[] },
): Overpromise | undefined {
  const meanwhile = others.filter((one) => overlaps(one, from, until));
  // Whoever comes last in the chain first: what it signed too often is not the fault of who gave it that once.
  for (const [at, account] of [...accountsOf(links).entries()].reverse()) {
    const leases = meanwhile.filter(({ accounts }) => accounts.includes(account));
    const short = lacking(links[at]!.claims.rspec, rspec, leases, from, until);
    if (short) return { at, leases, ...short };
  }
  if (sharing) {
    const leases = sharing.leases.filter((one) => overlaps(one, from, until));
    const short = lacking(sharing.share, rspec, leases, from, until);
    if (short) return { at: -1, leases, ...short };
  }
  return undefined;
}

/** The first key of which there is not as much left as is wanted. */
export function lacking(
  promise: Amounts,
  rspec: Amounts,
  leases: readonly Lease[],
  from: number,
  until: number,
): Pick<Overpromise, 'key' | 'promised' | 'taken' | 'wanted'> | undefined {
  for (const [key, wanted] of amountsOf(rspec)) {
    const promised = promise[key] ?? 0;
    // What fits beside all of them at once does at any time, and needs no looking through their times.
    const all = leases.reduce((sum, one) => sum + (one.rspec[key] ?? 0), wanted);
    if (exact(all) <= promised) continue;
    const taken = peak(leases, key, from, until);
    if (exact(taken + wanted) > promised) return { key, promised, taken, wanted };
  }
  return undefined;
}
