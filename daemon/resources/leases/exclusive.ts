import { readFileSync } from 'node:fs';
import { SliverdError } from '../../errors.ts';
import { overlaps } from '../amounts.ts';
import { timeText } from '../time.ts';
import type { Lease } from './lease.ts';

/** What becomes of a lease's cores while it has nothing to do: nobody uses them (`idle`), or all others do (`shared`). */
export type Unused = 'idle' | 'shared';

/** The node's cores by number, those of one physical core beside each other, the first ahead. */
export function cores(root = '/sys/devices/system/cpu'): number[] {
  const read = (file: string) => readFileSync(`${root}/${file}`, 'utf8').trim();
  const place = (cpu: number) =>
    ['physical_package_id', 'core_id'].map((file) => Number(read(`cpu${cpu}/topology/${file}`)));
  return parseCores(read('online'))
    .map((cpu) => ({ cpu, at: place(cpu) }))
    .sort((a, b) => a.at[0]! - b.at[0]! || a.at[1]! - b.at[1]! || a.cpu - b.cpu)
    .map(({ cpu }) => cpu);
}

/** A list of cores as the kernel writes it, as in 0-2,5. */
export function parseCores(text: string): number[] {
  return text
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, step) => first + step);
    });
}

export const formatCores = (all: Iterable<number>) => [...all].sort((a, b) => a - b).join(',');

/** Whether nobody else has those cores, or the node, while a lease is active. */
export const isExclusive = ({ rspec }: Pick<Lease, 'rspec'>) =>
  rspec['cpu.cores'] !== undefined || rspec.node !== undefined;

/**
 * Which cores a lease has, none of them anybody else's at any time of it. Throws `no-capacity`.
 * @param leasable of the node's, as `cores` has them
 */
export function allocate(
  { rspec, from, until }: Pick<Lease, 'rspec' | 'from' | 'until'>,
  others: readonly Lease[],
  leasable: readonly number[],
): number[] {
  const meanwhile = others.filter((one) => isExclusive(one) && overlaps(one, from, until));
  const whole = meanwhile.find((one) => one.rspec.node !== undefined || rspec.node !== undefined);
  if (whole && isExclusive({ rspec }))
    throw new SliverdError(
      'no-capacity',
      `${whole.rspec.node === undefined ? 'cores of the node are' : 'the whole node is'} leased until ${timeText(whole.until)}: ask for another time`,
    );
  const wanted = rspec['cpu.cores'] ?? 0;
  const taken = new Set(meanwhile.flatMap((one) => one.cores));
  const free = leasable.filter((cpu) => !taken.has(cpu));
  if (wanted > free.length)
    throw new SliverdError(
      'no-capacity',
      `cpu.cores: ${wanted} asked for, but of the ${leasable.length} that can be leased (one stays with all others) ${free.length} are free then: ask for fewer, or for another time`,
      { extra: { wanted, left: free.length } },
    );
  // From the end, so that what is left stays together.
  return wanted === 0 ? [] : free.slice(-wanted);
}
