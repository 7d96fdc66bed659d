import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { completionCommands } from './commands/completion.ts';
import { flowCommands } from './commands/flow.ts';
import { imageCommands } from './commands/image.ts';
import { keyCommands } from './commands/key.ts';
import { leaseCommands } from './commands/lease.ts';
import { loanCommands } from './commands/loan.ts';
import { nodeCommands } from './commands/node.ts';
import { portCommands } from './commands/port.ts';
import { sensorCommands } from './commands/sensor.ts';
import { sessionCommands } from './commands/session.ts';
import { sliverCommands } from './commands/sliver.ts';
import { ticketCommands } from './commands/ticket.ts';

export function version(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}

/** The whole tree of words. Building it costs a few milliseconds; what a command needs is loaded when it runs. */
export function buildProgram(): Command {
  const program = new Command('sliverctl');
  program
    .description("The command line of sliverd: this machine's node, its images and its slivers.")
    .usage('[options] <command>')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help; also after every command')
    .option('--node <name>', 'the node of that name on this machine')
    .option('--socket <path>', 'the socket of a node (also: SLIVERD_SOCKET)')
    .option('--json', "print the API's JSON and nothing else")
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      `
Examples:
  sliverctl image build debian-12
  sliverctl sliver create ucb_p2ps memory.max=1G cpu.max=0.5 --key ~/.ssh/id_ed25519.pub --expires 8w
  sliverctl sliver exec ucb_p2ps -- bash
  sliverctl sliver list --json

Exit status: 0 done; 1 failed; 2 wrong usage; 3 no such thing; 4 conflict or wrong state; 5 daemon not
reachable; 6 accepted, but not there yet. 'sliver exec' passes on the status of what it ran (125: its own failure).`,
    );
  nodeCommands(program);
  sliverCommands(program);
  imageCommands(program);
  keyCommands(program);
  sessionCommands(program);
  portCommands(program);
  flowCommands(program);
  sensorCommands(program);
  ticketCommands(program);
  leaseCommands(program);
  loanCommands(program);
  completionCommands(program);
  return program;
}
