import type { Command } from 'commander';
import type { ShownLoan } from '../../manager/routes/loans.ts';
import { Context, pathOf } from '../context.ts';

/** `loan …`: what slivers of a node lend each other. */
export function loanCommands(program: Command): void {
  const loan = program.command('loan').description('resources that one sliver lends to another of the node');
  loan
    .command('list')
    .alias('ls')
    .description('loans that are not over')
    .option('--sliver <sliver>', 'only those to and of this sliver')
    .action(async (options: { sliver?: string }, command: Command) => {
      const context = Context.of(command);
      const query = options.sliver === undefined ? '' : `?sliver=${encodeURIComponent(options.sliver)}`;
      const answer = await context.client.get<{ items: ShownLoan[] }>(`/v1/loans${query}`);
      const { loanTable } = await import('../output/lease.ts');
      context.print(answer, ({ items }, colour) => loanTable(items, colour));
    });
  loan
    .command('make')
    .argument('<sliver>', 'who lends')
    .argument('<borrower>', 'the sliver that gets it')
    .argument('<key=value...>', 'of the RSpec: how much of it')
    .requiredOption('--until <when>', 'as 8h or 2026-12-24')
    .description("lend of a sliver's own resources to another")
    .action(
      async (sliver: string, to: string, words: string[], { until }: { until: string }, command: Command) => {
        const { timeOf } = await import('../tickets.ts');
        const { readRSpec } = await import('../values/rspec.ts');
        const context = Context.of(command);
        const body = { sliver, to, rspec: await readRSpec(words), until: timeOf(until, '--until') };
        const made = await context.client.request<ShownLoan>('POST', '/v1/loans', { body });
        const { loanTable } = await import('../output/lease.ts');
        context.print(made, (one, colour) => loanTable([one], colour));
      },
    );
  loan
    .command('end')
    .argument('<loan>')
    .description('take it back, or give it back')
    .action(async (id: string, _options, command: Command) => {
      await Context.of(command).client.request('DELETE', pathOf('loans', id));
    });
}
