import type { Command } from 'commander';
import type { SessionList } from '../../manager/schemas.ts';
import { Context, pathOf } from '../context.ts';

/** `session …`: who is logged in by ssh. */
export function sessionCommands(program: Command): void {
  const session = program.command('session').description('who is logged in by ssh');
  session
    .command('list')
    .alias('ls')
    .argument('[sliver]', 'only those of this sliver')
    .description('list sessions: since when, from where, by which key or certificate')
    .action(async (sliver: string | undefined, _options, command: Command) => {
      const context = Context.of(command);
      const path = sliver === undefined ? '/v1/sessions' : pathOf('slivers', sliver, 'sessions');
      const { sessionTable } = await import('../output/session.ts');
      context.print(await context.client.get<SessionList>(path), sessionTable);
    });
  session
    .command('end')
    .argument('<session...>', "as 'session list' has them")
    .description('end sessions; those who are logged in are told')
    .action(async (ids: string[], _options, command: Command) => {
      const { client } = Context.of(command);
      for (const id of ids) await client.request('DELETE', pathOf('sessions', id));
    });
}
