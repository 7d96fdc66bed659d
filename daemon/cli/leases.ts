import { writeFileSync } from 'node:fs';
import type { ShownLease } from '../manager/routes/leases.ts';
import { type Statement, verifyEvidence } from '../resources/leases/evidence.ts';
import { parseTicket } from '../resources/tickets/link.ts';
import { delegate } from '../resources/tickets/ticket.ts';
import { type Context, pathOf } from './context.ts';
import { CliError, usage } from './exit.ts';
import { leaseText } from './output/lease.ts';
import { properties } from './output/table.ts';
import { nodeKey, readKey, timeOf, told } from './tickets.ts';
import { readText } from './values/files.ts';
import { formatTime } from './values/time.ts';

export interface RedeemOptions {
  readonly sliver?: string;
  readonly key?: string;
  readonly from?: string;
  readonly until?: string;
  readonly evidence?: string;
  readonly shared?: boolean;
}

/** The actions of `lease …`. */
export async function redeemTicket(context: Context, file: string, options: RedeemOptions): Promise<void> {
  const text = await readText(file, 'the ticket');
  const { sliver, ticket } = await told(() => forSliver(text, options));
  const body = {
    ...{ sliver, ticket },
    ...(options.shared ? { unused: 'shared' } : {}),
    ...(options.from ? { from: timeOf(options.from, '--from') } : {}),
    ...(options.until ? { until: timeOf(options.until, '--until') } : {}),
  };
  try {
    printLease(context, await context.client.request<ShownLease>('POST', '/v1/leases', { body }));
  } catch (error) {
    const { evidence } = error instanceof CliError ? (error.problem as { evidence?: unknown }) : {};
    if (options.evidence && typeof evidence === 'string') writeFileSync(options.evidence, `${evidence}\n`);
    throw error;
  }
}

/** A holder's ticket as one for a sliver; one that is for a sliver already stays as it is. */
async function forSliver(text: string, options: RedeemOptions): Promise<{ sliver: string; ticket: string }> {
  const { cnf, slice, rspec, nbf, exp } = parseTicket(text).at(-1)!.claims;
  const sliver = options.sliver ?? (slice?.endsWith('*') ? undefined : slice);
  if (sliver === undefined)
    throw usage('for which sliver?', '--sliver SLICE, as this ticket may be for several');
  if (!cnf) return { sliver, ticket: text.trim() };
  if (!options.key)
    throw usage(
      'this ticket is for whoever holds a key, and for no sliver yet',
      "--key FILE, the holder's private key, gives it to one",
    );
  const key = await readKey(options.key, 'private');
  return { sliver, ticket: await delegate(text, key, { rspec, nbf, exp, slice: sliver }) };
}

export async function renewLease(context: Context, id: string, until: string): Promise<void> {
  const body = { until: timeOf(until, '--until') };
  printLease(context, await context.client.request<ShownLease>('PATCH', pathOf('leases', id), { body }));
}

export function printLease(context: Context, lease: ShownLease): void {
  context.print(lease, leaseText);
}

export async function showEvidence(
  context: Context,
  file: string,
  options: { nodeKey?: string },
): Promise<void> {
  const text = await readText(file, 'the evidence');
  const node = await nodeKey(context, options.nodeKey);
  context.print(await told(() => verifyEvidence(text, node)), evidenceText);
}

function evidenceText(statement: Statement, colour: boolean): string {
  const { by, key, promised, wanted, taken, more, iat } = statement;
  const at = (seconds: number) => formatTime(new Date(seconds * 1000).toISOString());
  return properties(
    [
      ['True', 'signed by the node, and the parts by whom it names'],
      ['At', at(iat)],
      ['By', by],
      ['Had', `${key} = ${promised}`],
      [
        'Gave on',
        [
          ...taken.map((one) => `${one.amount}, from ${at(one.from)} until ${at(one.until)}`),
          `${wanted.amount}, of which nothing was left`,
        ],
      ],
      ['More', more === 0 ? null : `${more} parts that are not shown`],
    ],
    colour,
  );
}
