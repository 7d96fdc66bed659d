import { type Command, InvalidArgumentError } from 'commander';
import type { Holdings } from '../../manager/routes/node.ts';
import type { NodeStatus } from '../../manager/schemas.ts';
import { Context } from '../context.ts';

/** `status`, `doctor`, `events`, `node show`, `node down`: the node as a whole. */
export function nodeCommands(program: Command): void {
  program
    .command('status')
    .description('tell in a few lines how the node is')
    .action(async (_options, command: Command) => {
      const context = Context.of(command);
      const status = await context.client.get<NodeStatus>('/v1/node');
      const { statusText } = await import('../output/node.ts');
      context.print(status, statusText);
    });
  program
    .command('doctor')
    .description('test what the node needs of this machine, and tell how to mend what is missing')
    .addHelpText('after', '\nExit status 1: something that is required is missing.')
    .action(async (_options, command: Command) => {
      const { doctor } = await import('../doctor.ts');
      await doctor(Context.of(command));
    });
  program
    .command('events')
    .description('list what happened, or follow it')
    .option('-f, --follow', 'go on with what happens from now on')
    .option('--subject <name>', 'only of this sliver, image or node')
    .option('--after <id>', 'only later than this event', integer)
    .option('-n, --limit <count>', 'at most so many, the last ones', integer)
    .addHelpText(
      'after',
      '\nExamples:\n  sliverctl events -n 20\n  sliverctl events -f --subject ucb_p2ps\n  sliverctl events -f --json | jq .type',
    )
    .action(async (options: EventsOptions, command: Command) => {
      const { showEvents } = await import('../events.ts');
      await showEvents(Context.of(command), options);
    });

  const node = program.command('node').description('the node itself');
  node
    .command('show')
    .description('tell everything about the node')
    .action(async (_options, command: Command) => {
      const context = Context.of(command);
      const status = await context.client.get<NodeStatus>('/v1/node');
      const { nodeText } = await import('../output/node.ts');
      context.print(status, nodeText);
    });
  node
    .command('holdings')
    .description('tell who holds what of the node, and what is left')
    .action(async (_options, command: Command) => {
      const context = Context.of(command);
      const holdings = await context.client.get<Holdings>('/v1/holdings');
      const { holdingsText } = await import('../output/holdings.ts');
      context.print(holdings, holdingsText);
    });
  node
    .command('down')
    .description('stop all slivers, undo everything in the kernel, end the daemon; what is desired stays')
    .addHelpText('after', '\nThe next start of the daemon brings all slivers back as they should be.')
    .action(async (_options, command: Command) => {
      const context = Context.of(command);
      const { client } = context;
      const { whileWaiting } = await import('../output/progress.ts');
      const answer = await whileWaiting(client, 'node', () => client.request('POST', '/v1/node/down'));
      context.print(answer, () => 'The node is down; what is desired stays.\n');
    });
}

export interface EventsOptions {
  readonly follow?: boolean;
  readonly subject?: string;
  readonly after?: number;
  readonly limit?: number;
}

function integer(text: string): number {
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('It is not a whole number.');
}
