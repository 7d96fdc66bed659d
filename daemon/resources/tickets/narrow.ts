import { SliverdError } from '../../errors.ts';
import { isWithin } from '../slices.ts';
import { timeText } from '../time.ts';
import type { Claims } from './link.ts';

/**
 * Each link gives at most what the one before it gave: in resources, in time, and in whom it is for. Throws `ticket-widened`.
 * @param at which link it is, from 1
 */
export function narrowed(before: Claims, link: Claims, at: number): void {
  const widened = (what: string) =>
    new SliverdError('ticket-widened', `link ${at} gives more than it was given: ${what}`);
  for (const [key, amount] of Object.entries(link.rspec)) {
    const has = (before.rspec as Record<string, number>)[key] ?? 0;
    if (!(amount <= has)) throw widened(`${key} = ${amount}, of ${has}`);
  }
  if (link.nbf < before.nbf) throw widened(`from ${time(link.nbf)}, where it begins at ${time(before.nbf)}`);
  if (link.exp > before.exp) throw widened(`until ${time(link.exp)}, where it ends at ${time(before.exp)}`);
  if (before.slice !== undefined && !(link.slice !== undefined && isWithin(before.slice, link.slice)))
    throw widened(`for ${link.slice ?? 'every slice'}, where it is for ${before.slice} alone`);
}

const time = (seconds: number) => timeText(seconds * 1000);
