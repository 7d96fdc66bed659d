import type { Holdings } from '../../manager/routes/node.ts';
import { formatValue } from '../values/rspec.ts';
import { table } from './table.ts';

/** Who holds what: first all together, then each sliver. */
export function holdingsText({ resources, slivers }: Holdings, colour: boolean): string {
  const sums = table(
    ['RESOURCE', 'OF', 'SLIVERS', 'LEASED', 'LATER', 'LEFT'],
    resources.map(({ key, of, slivers: own, leased, leasedLater, left }) => {
      const shown = (amount: number | undefined) =>
        amount === undefined ? 'no bound' : formatValue(key, amount);
      return [key, ...[of, own, leased, leasedLater, left].map(shown)];
    }),
    { colour, right: ['OF', 'SLIVERS', 'LEASED', 'LATER', 'LEFT'] },
  );
  const amounts = (rspec: object) =>
    Object.entries(rspec)
      .map(([key, value]) => `${key}=${formatValue(key, value)}`)
      .join(' ');
  const each = table(
    ['SLIVER', 'OWN', 'LEASED', 'BORROWED', 'LENT'],
    slivers.map(({ name, own, leased, borrowed, lent }) => [
      name,
      ...[own, leased, borrowed, lent].map(amounts),
    ]),
    { colour },
  );
  return `${sums}\n${each}`;
}
