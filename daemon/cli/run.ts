import { CommanderError } from 'commander';
import { explain, SliverdError } from '../errors.ts';
import { separateCommand } from './exec/words.ts';
import { CliError, EXIT, exitOfCode, outputError, usage } from './exit.ts';
import { hasColour, paint, plain } from './output/style.ts';
import { buildProgram } from './program.ts';

/** Runs one command line (without node and script) and sets the exit status. */
export async function run(words: readonly string[]): Promise<void> {
  const argv = separateCommand(words);
  // `sliverctl … | head -1` has got what it wanted: no message, the status of a program that SIGPIPE ended.
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EPIPE') process.exit(EXIT.brokenPipe);
      if (stream === process.stdout) report(outputError(cause), argv);
      process.exit(isExec(argv) ? EXIT.execFailed : EXIT.failed);
    });
  const program = buildProgram();
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && /^commander\.(help$|helpDisplayed|version)/.test(error.code)) {
      process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
      return;
    }
    const failure = asFailure(error);
    report(failure, argv);
    // Its input may still be open, and would keep this process waiting.
    if (isExec(argv)) process.exit(EXIT.execFailed);
    process.exitCode = failure.exit;
  }
}

function asFailure(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof CommanderError)
    return usage(
      error.message.replace(/^error: /, ''),
      "'sliverctl --help' and 'sliverctl <command> --help' tell more",
    );
  if (error instanceof SliverdError)
    return new CliError(exitOfCode(error.code), explain(error), { problem: { code: error.code } });
  return new CliError(EXIT.failed, `internal error: ${explain(error)}`, {
    problem: { code: 'internal' },
    cause: error,
  });
}

function report(failure: CliError, argv: readonly string[]): void {
  const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  if (own.includes('--json')) {
    process.stderr.write(`${JSON.stringify({ ...failure.problem, next: failure.next }, null, 2)}\n`);
    return;
  }
  const colour = hasColour(process.stderr);
  const lines = failure.message.split('\n').map(plain);
  let text = `${paint('sliverctl:', 'red', colour)} ${lines.join('\n  ')}\n`;
  if (failure.next) text += `  ${plain(failure.next)}\n`;
  if (process.env.SLIVERCTL_DEBUG && failure.cause instanceof Error) text += `${failure.cause.stack}\n`;
  process.stderr.write(text);
}

function isExec(argv: readonly string[]): boolean {
  const at = argv.indexOf('sliver');
  return at >= 0 && argv.slice(at + 1).find((word) => !word.startsWith('-')) === 'exec';
}
