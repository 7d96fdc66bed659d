import type { Rates } from '../../../netns/network-limits.ts';
import { LEAST_RATE, type RSpec } from '../../resources/rspec.ts';

export type Way = 'up' | 'down';

/** What a sliver may send, or receive, in a day, in bytes; `Infinity`: as much as it likes. */
export interface Allowance {
  readonly bytes: number;
  /** Past so many its rate falls. */
  readonly threshold: number;
}

/** Of a day's bytes, where the RSpec says nothing else. */
const THRESHOLD_PART = 0.8;
/** Near midnight what is left is not given away at a stroke. */
const LAST_SECONDS = 60;

export function allowanceOf(rspec: RSpec, way: Way): Allowance {
  const [bytes, threshold] = [rspec[`net.${way}.day.bytes`], rspec[`net.${way}.day.threshold`]];
  if (bytes === 'max') return { bytes: Number.POSITIVE_INFINITY, threshold: Number.POSITIVE_INFINITY };
  return { bytes, threshold: threshold === 'max' ? Math.floor(bytes * THRESHOLD_PART) : threshold };
}

/**
 * Bits per second for a sliver that has used so much of its day: all that it may otherwise, and past the threshold what
 * makes the rest last, but never less than its minimum.
 * @param left milliseconds of the day
 */
export function rateOf(
  { bytes, threshold }: Allowance,
  used: number,
  left: number,
  { min, max }: Pick<Rates, 'min' | 'max'>,
): number {
  if (used < threshold) return max;
  const even = (Math.max(bytes - used, 0) * 8) / Math.max(left / 1000, LAST_SECONDS);
  return Math.min(max, Math.max(Math.floor(even), min, LEAST_RATE));
}
