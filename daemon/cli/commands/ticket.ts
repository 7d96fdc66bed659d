import type { Command } from 'commander';
import type { IssuedTicket } from '../../manager/routes/tickets.ts';
import { Context, pathOf } from '../context.ts';
import type { DelegateOptions, IssueOptions } from '../tickets.ts';

/** `ticket …`: promises of resources, which are given on without a node. What they do is in ../tickets.ts. */
export function ticketCommands(program: Command): void {
  const ticket = program
    .command('ticket')
    .description('promises of resources, given on from key to key; without a node but for issue');
  ticket
    .command('key')
    .argument('<file>', 'for the private half; the public one is FILE.pub')
    .description('make a key (Ed25519, PEM) for holding tickets')
    .action(async (file: string) => {
      const { makeKey } = await import('../tickets.ts');
      await makeKey(file);
    });
  const given = (command: Command) =>
    command
      .argument('[resource...]', 'KEY=VALUE, of the RSpec, on top of what a sliver has')
      .option('--to <file>', "the holder's public key (PEM)")
      .option('--from <when>', 'from when it is good, as 2026-12-24T18:00')
      .option('--until <when>', 'until when, as 8w or 2026-12-24')
      .option('--slice <name>', 'only for this slice, or slices of this site (ucb_*)');
  given(ticket.command('issue').description('promise resources of this node; prints the ticket')).action(
    async (resources: string[], options: IssueOptions, command: Command) => {
      const { issueTicket } = await import('../tickets.ts');
      await issueTicket(Context.of(command), resources, options);
    },
  );
  given(
    ticket
      .command('delegate')
      .argument('<ticket>', 'a file; - is standard input')
      .requiredOption('--key <file>', 'the private key that it was given to (PEM)')
      .description(
        'give a ticket on, or a part of it; without --to, to a sliver of --slice. Prints the new one',
      ),
  ).action(async (file: string, resources: string[], options: DelegateOptions) => {
    const { delegateTicket } = await import('../tickets.ts');
    await delegateTicket(file, resources, options);
  });
  ticket
    .command('list')
    .alias('ls')
    .description('tickets that this node has issued')
    .action(async (_options, command: Command) => {
      const context = Context.of(command);
      const answer = await context.client.get<{ items: IssuedTicket[] }>('/v1/tickets');
      const { issuedTable } = await import('../output/lease.ts');
      context.print(answer, ({ items }, colour) => issuedTable(items, colour));
    });
  ticket
    .command('revoke')
    .argument('<id>', "as 'ticket list' has it")
    .description('take a ticket back: nothing more is redeemed of it')
    .action(async (id: string, _options, command: Command) => {
      await Context.of(command).client.request('DELETE', pathOf('tickets', id));
    });
  ticket
    .command('show')
    .argument('<ticket>', 'a file; - is standard input')
    .description('what each of its links gives; believed are none of them')
    .action(async (file: string, _options, command: Command) => {
      const { showTicket } = await import('../tickets.ts');
      await showTicket(Context.of(command), file);
    });
  ticket
    .command('verify')
    .argument('<ticket>', 'a file; - is standard input')
    .option('--node-key <file>', "the node's public key (PEM), instead of asking this node")
    .description('whether it is good now, and for what')
    .action(async (file: string, options: { nodeKey?: string }, command: Command) => {
      const { verifyTicket } = await import('../tickets.ts');
      await verifyTicket(Context.of(command), file, options);
    });
}
