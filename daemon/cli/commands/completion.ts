import { Argument, type Command } from 'commander';
import { Context } from '../context.ts';

/** `completion SHELL`, and the hidden command that its scripts ask for names. */
export function completionCommands(program: Command): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .description('print completions for a shell')
    .addHelpText(
      'after',
      `
Examples:
  source <(sliverctl completion bash)
  sliverctl completion zsh > "\${fpath[1]}/_sliverctl"
  sliverctl completion fish > ~/.config/fish/completions/sliverctl.fish`,
    )
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completionScript } = await import('../completion/scripts.ts');
      process.stdout.write(completionScript(program, shell));
    });
  program
    .command('__complete', { hidden: true })
    .argument('<kind>')
    .action(async (kind: string, _options, command: Command) => {
      const { printNames } = await import('../completion/names.ts');
      await printNames(Context.of(command), kind);
    });
}
