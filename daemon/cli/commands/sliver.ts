import type { Command } from 'commander';
import { Context } from '../context.ts';
import type { ExecOptions } from '../exec/session.ts';
import type { CreateOptions, SetOptions } from '../slivers.ts';
import { collect } from './options.ts';

const EXPIRES = 'when it ends: 8w, 3d, 2h30m, never, or a time';
const RSPEC = 'resources: KEY=VALUE, or a FILE of JSON or YAML';

const ROLE =
  "what it may do by its manager's socket: authority:SLICES[:SHARE], control:SLICES or flows; may be repeated";

/** What happens to one sliver or several; the API's operation has the same name. */
const OPERATIONS = {
  start: 'start slivers that are stopped',
  stop: 'stop slivers; their files stay',
  restart: 'stop and start slivers',
  freeze: 'halt all processes of slivers where they are',
  thaw: 'let frozen slivers go on',
  reset: 'start slivers anew with a clean file system; all their files are lost',
} as const;

/** `sliver …`: making slivers, changing them, working in them. What they do is in ../slivers.ts. */
export function sliverCommands(program: Command): void {
  const sliver = program
    .command('sliver')
    .description('slivers: their life, their resources, programs in them');
  createCommand(sliver);
  viewCommands(sliver);
  setCommand(sliver);
  for (const [operation, description] of Object.entries(OPERATIONS))
    sliver
      .command(operation)
      .argument('<sliver...>', 'names of slivers')
      .description(description)
      .option('--no-wait', 'return at once')
      .action(async (names: string[], options: { wait: boolean }, command: Command) => {
        const { operate } = await import('../slivers.ts');
        await operate(Context.of(command), operation, names, options.wait);
      });
  sliver
    .command('delete')
    .alias('rm')
    .argument('<sliver...>', 'names of slivers')
    .description('delete slivers and all their files')
    .option('--no-wait', 'return at once')
    .action(async (names: string[], options: { wait: boolean }, command: Command) => {
      const { remove } = await import('../slivers.ts');
      await remove(Context.of(command), names, options.wait);
    });
  execCommand(sliver);
}

function createCommand(sliver: Command): void {
  sliver
    .command('create')
    .argument('<name>', 'site_name, as in ucb_p2ps')
    .argument('[key=value...]', RSPEC)
    .description('make a sliver and start it')
    .option('--image <image>', 'made from this image')
    .option('--environment <environment>', 'executed by namespaces or docker')
    .option('--profile <profile>', 'what it may do: standard, measurement, routing, restricted')
    .option('--rspec <file|key=value>', `${RSPEC}; may be repeated`, collect)
    .option('--key <file>', 'public keys that may log in; may be repeated', collect)
    .option('--initscript <file>', 'run as root inside at each start')
    .option('--expires <when>', EXPIRES)
    .option('--role <role>', ROLE, collect)
    .option('--stopped', "make it, don't start it")
    .option('--no-wait', 'return as soon as it is accepted')
    .addHelpText(
      'after',
      `
Examples:
  sliverctl sliver create ucb_p2ps
  sliverctl sliver create ucb_p2ps --image debian-12 --key ~/.ssh/id_ed25519.pub --expires 8w
  sliverctl sliver create ucb_p2ps memory.max=1G cpu.max=0.5 disk.bytes=4G pids.max=max
  sliverctl sliver create ucb_p2ps --rspec small.yaml memory.max=256M`,
    )
    .action(async (name: string, values: string[], options: CreateOptions, command: Command) => {
      const { create } = await import('../slivers.ts');
      await create(Context.of(command), [name, ...values], options);
    });
}

function viewCommands(sliver: Command): void {
  const views = {
    show: 'tell everything about a sliver',
    usage: 'tell what a sliver has used since its start',
    log: 'print the last output of its initscript',
  } as const;
  sliver
    .command('list')
    .alias('ls')
    .description('list the slivers')
    .action(async (_options, command: Command) => {
      const { list } = await import('../slivers.ts');
      await list(Context.of(command));
    });
  for (const [word, description] of Object.entries(views) as [keyof typeof views, string][])
    sliver
      .command(word)
      .argument('<sliver>', 'the name of the sliver')
      .description(description)
      .action(async (name: string, _options, command: Command) => {
        const slivers = await import('../slivers.ts');
        await slivers[word](Context.of(command), name);
      });
}

function setCommand(sliver: Command): void {
  sliver
    .command('set')
    .argument('<sliver>', 'the name of the sliver')
    .argument('[key=value...]', RSPEC)
    .description('change a sliver; its resources change while it runs')
    .option('--profile <profile>', 'what it may do, from its next start')
    .option('--rspec <file|key=value>', `${RSPEC}; may be repeated`, collect)
    .option('--key <file>', 'these public keys instead of those it has; may be repeated', collect)
    .option('--no-key', 'no keys at all')
    .option('--initscript <file>', 'run as root inside at each start')
    .option('--no-initscript', 'no initscript')
    .option('--expires <when>', EXPIRES)
    .option('--role <role>', `${ROLE}; instead of those it has`, collect)
    .option('--no-role', 'no roles')
    .addHelpText(
      'after',
      '\nExamples:\n  sliverctl sliver set ucb_p2ps memory.max=2G cpu.max=max\n  sliverctl sliver set ucb_p2ps --expires 4w\n  sliverctl sliver set ucb_sa --role "authority:ucb_*" --role flows',
    )
    .action(async (name: string, values: string[], options: SetOptions, command: Command) => {
      const { change } = await import('../slivers.ts');
      await change(Context.of(command), [name, ...values], options);
    });
}

function execCommand(sliver: Command): void {
  sliver
    .command('exec')
    .argument('<sliver>', 'the name of the sliver')
    .argument('<command...>', 'the program and its arguments')
    .usage('[options] <sliver> -- <command...>')
    .description('run a program in a sliver, with this input, output and terminal')
    .option('-u, --user <user|uid[:gid]>', 'as this user of the sliver')
    .option('-w, --workdir <path>', 'in this directory')
    .option('-e, --env <name[=value]>', 'with this variable; may be repeated', collect)
    .option('-t, --tty', 'with a terminal, even if input or output is none')
    .option('-T, --no-tty', 'without a terminal')
    .option('-n, --no-stdin', 'without input')
    .addHelpText(
      'after',
      `
A terminal is made when input and output are one. The status is that of the program; 128 + n when signal n ended it;
125 when sliverctl failed, 126 when the program can't be run, 127 when there is none.

Examples:
  sliverctl sliver exec ucb_p2ps -- bash
  sliverctl sliver exec ucb_p2ps -u alice -w /tmp -e LANG=C.UTF-8 -- make test
  tar c . | sliverctl sliver exec ucb_p2ps -- tar x -C /srv`,
    )
    .action(async (name: string, words: string[], options: ExecOptions, command: Command) => {
      const { exec } = await import('../exec/session.ts');
      await exec(Context.of(command), name, words, options);
    });
}
