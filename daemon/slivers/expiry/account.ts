import { DAY } from './end.ts';

/** How long before the end it is warned of, in milliseconds; the latest last. */
export const WARNINGS = [7 * DAY, DAY] as const;
/** A clock that is corrected by less than this takes no warning back. */
const SLACK = 3_600_000;

/** What is remembered of a sliver's end. */
export interface Account {
  /** Milliseconds since 1970: another end is another account. */
  readonly end: number;
  /** The warning that was told last, one of `WARNINGS`; null: none. */
  readonly warned: number | null;
  /** Milliseconds that the node ran while it was past its end; null: it isn't. */
  readonly over: number | null;
}

export const opened = (end: number): Account => ({ end, warned: null, over: null });

/**
 * The account of an end, so much later. The wall clock says whether the end has come, which can be undone; how long ago that was is
 * counted in time that passes, for what can't. Set back to before the end, it ends the count.
 * @param wall milliseconds since 1970; somebody may set it
 * @param passed milliseconds since the last look, that nobody can set
 */
export function later(had: Account, wall: number, passed: number): Account {
  const left = had.end - wall;
  if (left <= 0) return { ...had, over: had.over === null ? 0 : had.over + passed };
  const told = had.warned !== null && left <= had.warned + SLACK ? had.warned : null;
  const due = WARNINGS.findLast((warning) => left <= warning) ?? null;
  const warned = due !== null && (told === null || due < told) ? due : told;
  return warned === had.warned && had.over === null ? had : { ...had, warned, over: null };
}
