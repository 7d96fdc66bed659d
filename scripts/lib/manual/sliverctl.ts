import type { Command } from 'commander';
import { buildProgram } from '../../../daemon/cli/program.ts';
import { sections, sectionsToRoff, toRoff } from './markdown.ts';
import { item, type Page, paragraph, plain, section, subsection, verbatim } from './roff.ts';

/** sliverctl(1): its words from the program itself, the rest from docs/sliverctl.md. */
export function sliverctl(markdown: string): Page {
  const program = buildProgram();
  const help = program.createHelp();
  return {
    name: 'sliverctl',
    section: 1,
    what: 'the command line of a node of slivers',
    body: [
      section('Synopsis'),
      `\\fB${plain(program.name())}\\fR ${plain(program.usage())}\n`,
      section('Description'),
      toRoff(sections(markdown).get('') ?? ''),
      section('Options'),
      paragraph('Before or after the words of any command:'),
      options(program),
      section('Commands'),
      ...commands(program).map(([path, command]) => describe(path, command)),
      // Its own section on the exit status says more than the help.
      sectionsToRoff(markdown, ['Words']),
      section('See also'),
      `\\fBnode.yaml\\fR(5), \\fBsliverd\\fR(8), ${plain('/usr/lib/sliverd/docs')}\n`,
    ].join(''),
  };

  function commands(parent: Command, before = ''): [string, Command][] {
    return help
      .visibleCommands(parent)
      .filter((command) => command.name() !== 'help')
      .flatMap((command) => {
        const path = `${before}${command.name()}`;
        const below = commands(command, `${path} `);
        return below.length > 0 ? below : [[path, command] as [string, Command]];
      });
  }
}

function describe(path: string, command: Command): string {
  const help = command.createHelp();
  const parent = path.split(' ').slice(0, -1).join(' ');
  const others = command.aliases().map((alias) => `${parent} ${alias}`.trim());
  const more = afterHelp(command);
  return [
    subsection(`${path} ${command.usage().replace(/^\[options\] ?/, '')}`.trim()),
    paragraph(
      `${sentence(command.description())}${others.length ? ` Also: \`${others.join('`, `')}\`.` : ''}`,
    ),
    ...help
      .visibleArguments(command)
      .map((argument) =>
        item(`\\fI${plain(argument.name())}\\fR`, plain(help.argumentDescription(argument))),
      ),
    options(command),
    more === '' ? '' : verbatim(more),
  ].join('');
}

function options(command: Command): string {
  const help = command.createHelp();
  return help
    .visibleOptions(command)
    .filter((option) => command.parent === null || option.long !== '--help')
    .map((option) => item(`\\fB${plain(help.optionTerm(option))}\\fR`, plain(help.optionDescription(option))))
    .join('');
}

/** What the help says below its tables, such as examples: commander keeps it in listeners only. */
function afterHelp(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut(part) {
      text += part;
    },
  });
  command.outputHelp();
  return text.slice(command.helpInformation().length);
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
