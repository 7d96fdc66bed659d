import type { Amounts, Holding } from '../amounts.ts';

/** Resources that a sliver has beyond its own, from when until when the clock says so. */
export interface Lease extends Holding {
  readonly id: string;
  /** Whose: the sliver's id and name. */
  readonly sliver: number;
  readonly name: string;
  readonly redeemedAt: number;
  /** The ticket that it came of, whole: who promised it to whom. */
  readonly ticket: string;
  /** Whom it counts for: each link of its ticket but the last (tickets/link.ts, `accountOf`). */
  readonly accounts: readonly string[];
  /** The slice that issued the ticket; null: the node's owner. */
  readonly issuer: string | null;
  /** Until when its ticket would have it. */
  readonly latest: number;
  /** What was told of it last. */
  readonly told: LeaseState;
}

export type LeaseState = 'pending' | 'active' | 'ended';

export const stateAt = ({ from, until }: Omit<Holding, 'rspec'>, now: number): LeaseState =>
  now < from ? 'pending' : now < until ? 'active' : 'ended';

export const rspecs = (leases: readonly Lease[]): Amounts[] => leases.map(({ rspec }) => rspec);
