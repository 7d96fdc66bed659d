import type { Command, Option } from 'commander';

/** What can stand at a place: words known now, or names of a kind that are asked for when needed. */
export type Kind =
  | 'sliver'
  | 'image'
  | 'node'
  | 'profile'
  | 'session'
  | 'lease'
  | 'loan'
  | 'sensor'
  | 'file'
  | 'key'
  | 'none'
  | 'command';

export interface Place {
  /** The words that lead here, as in `sliver create`; empty: the program itself. */
  readonly path: string;
  /** Subcommands, or the fixed choices of an argument. */
  readonly words: readonly string[];
  readonly descriptions: ReadonlyMap<string, string>;
  readonly options: readonly OptionPlace[];
  /** Of each positional argument in turn; the last one repeats where `repeats`. */
  readonly operands: readonly Kind[];
  readonly repeats: boolean;
}

export interface OptionPlace {
  readonly flags: readonly string[];
  readonly description: string;
  /** Of its value; undefined: it takes none. */
  readonly value: Kind | undefined;
}

const OPERANDS: Record<string, Kind> = {
  sliver: 'sliver',
  image: 'image',
  session: 'session',
  lease: 'lease',
  loan: 'loan',
  borrower: 'sliver',
  ticket: 'file',
  evidence: 'file',
  sensor: 'sensor',
  'key=value': 'key',
  source: 'file',
  file: 'file',
  command: 'command',
};
const VALUES: Record<string, Kind> = {
  node: 'node',
  socket: 'file',
  image: 'image',
  profile: 'profile',
  rspec: 'file',
  key: 'file',
  initscript: 'file',
};

/** The commander tree as a flat list of places, from which each shell's script is written. */
export function places(program: Command): Place[] {
  const globals = program.options.map(optionPlace);
  const found: Place[] = [];
  const walk = (command: Command, path: string) => {
    const help = command.createHelp();
    const subcommands = help.visibleCommands(command).filter((sub) => sub.name() !== 'help');
    const operands = command.registeredArguments;
    found.push({
      path,
      words: [
        ...subcommands.map((sub) => sub.name()),
        ...operands.flatMap((operand) => operand.argChoices ?? []),
      ],
      descriptions: new Map(subcommands.map((sub) => [sub.name(), sub.description()])),
      options: [
        ...(command === program ? [] : command.options.filter((option) => !option.hidden).map(optionPlace)),
        ...globals.filter(({ flags }) => command === program || !flags.includes('--version')),
        { flags: ['-h', '--help'], description: 'print help', value: undefined },
      ],
      operands: operands.map((operand) =>
        operand.argChoices ? 'none' : (OPERANDS[operand.name()] ?? 'none'),
      ),
      repeats: operands.at(-1)?.variadic ?? false,
    });
    for (const sub of subcommands) walk(sub, `${path} ${sub.name()}`.trim());
  };
  walk(program, '');
  return found;
}

function optionPlace(option: Option): OptionPlace {
  return {
    flags: [option.short, option.long].filter((flag) => flag !== undefined && flag !== null),
    description: option.description,
    value: option.required || option.optional ? (VALUES[option.attributeName()] ?? 'none') : undefined,
  };
}
