import type { Command } from 'commander';
import type { ShownLease } from '../../manager/routes/leases.ts';
import { Context, pathOf } from '../context.ts';
import type { RedeemOptions } from '../leases.ts';

/** `lease …`: what slivers have for a time, by tickets that were redeemed. What they do is in ../leases.ts. */
export function leaseCommands(program: Command): void {
  const lease = program.command('lease').description('resources that slivers have for a time, by tickets');
  lease
    .command('list')
    .alias('ls')
    .description('leases that are not over')
    .option('--sliver <sliver>', 'only those of this sliver')
    .action(async (options: { sliver?: string }, command: Command) => {
      const context = Context.of(command);
      const query = options.sliver === undefined ? '' : `?sliver=${encodeURIComponent(options.sliver)}`;
      const answer = await context.client.get<{ items: ShownLease[] }>(`/v1/leases${query}`);
      const { leaseTable } = await import('../output/lease.ts');
      context.print(answer, ({ items }, colour) => leaseTable(items, colour));
    });
  lease
    .command('show')
    .argument('<lease>')
    .description('one lease, and where it came from')
    .action(async (id: string, _options, command: Command) => {
      const { printLease } = await import('../leases.ts');
      const context = Context.of(command);
      printLease(context, await context.client.get<ShownLease>(pathOf('leases', id)));
    });
  lease
    .command('redeem')
    .argument('<ticket>', 'a file; - is standard input')
    .option('--sliver <sliver>', 'who gets it; needed where the ticket says not whose it is')
    .option('--key <file>', "the holder's private key (PEM), for a ticket that is for no sliver yet")
    .option('--from <when>', 'from when; default: now')
    .option('--until <when>', "until when; default: the ticket's end")
    .option('--shared', 'whole cores: let others have them while it has nothing to do')
    .option('--evidence <file>', 'where to keep what the node says if more was promised than there is')
    .description('give a sliver what a ticket promises')
    .action(async (file: string, options: RedeemOptions, command: Command) => {
      const { redeemTicket } = await import('../leases.ts');
      await redeemTicket(Context.of(command), file, options);
    });
  lease
    .command('renew')
    .argument('<lease>')
    .requiredOption('--until <when>', "within its ticket's time")
    .description('another end, later or earlier')
    .action(async (id: string, options: { until: string }, command: Command) => {
      const { renewLease } = await import('../leases.ts');
      await renewLease(Context.of(command), id, options.until);
    });
  lease
    .command('end')
    .argument('<lease>')
    .description('give it back now; its ticket is used up')
    .action(async (id: string, _options, command: Command) => {
      await Context.of(command).client.request('DELETE', pathOf('leases', id));
    });
  lease
    .command('evidence')
    .argument('<evidence>', 'a file; - is standard input')
    .option('--node-key <file>', "the node's public key (PEM), instead of asking this node")
    .description('whether it shows that somebody promised more than they had')
    .action(async (file: string, options: { nodeKey?: string }, command: Command) => {
      const { showEvidence } = await import('../leases.ts');
      await showEvidence(Context.of(command), file, options);
    });
}
