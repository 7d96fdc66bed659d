import type { Timed } from '../schedule.ts';
import type { Unused } from './exclusive.ts';

/** Resources that a sliver has beyond its own, from when until when the clock says so. */
export interface Lease extends Timed {
  /** Whose it is. */
  readonly name: string;
  readonly redeemedAt: number;
  /** The ticket that it came of, whole: who promised it to whom. */
  readonly ticket: string;
  /** Of each of its links, the first ahead. */
  readonly ids: readonly string[];
  /** Whom it counts for: each link of its ticket but the last (tickets/link.ts, `accountOf`). */
  readonly accounts: readonly string[];
  /** The slice that issued the ticket; null: the node's owner. */
  readonly issuer: string | null;
  /** Whom that one was for: a slice or all of a site's; null: all. */
  readonly target: string | null;
  /** Until when its ticket would have it. */
  readonly latest: number;
  /** The cores that nobody else has meanwhile, by number. */
  readonly cores: readonly number[];
  readonly unused: Unused;
}
