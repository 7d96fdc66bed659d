import type { Finding } from '../node/doctor/finding.ts';
import { formatFindings } from '../node/doctor/format.ts';
import type { Context } from './context.ts';
import { CliError, EXIT } from './exit.ts';

/**
 * `doctor`: the daemon tests, because it does so with its own rights; when none can be reached, this program does
 * it by itself, which is when a doctor is needed most.
 */
export async function doctor(context: Context): Promise<void> {
  let findings: Finding[];
  try {
    ({ findings } = await context.client.get<{ findings: Finding[] }>('/v1/node/doctor'));
  } catch (error) {
    if (!(error instanceof CliError) || error.exit !== EXIT.unreachable) throw error;
    findings = await examineHere(context, error);
  }
  // A serial line is a terminal that knows no width.
  const width = process.stdout.columns ? { width: process.stdout.columns } : {};
  context.print({ findings }, (_answer, colour) => formatFindings(findings, { colour, ...width }));
  if (findings.some(({ severity, ok }) => severity === 'required' && !ok)) process.exitCode = EXIT.failed;
}

async function examineHere(context: Context, why: CliError): Promise<Finding[]> {
  if (process.getuid?.() !== 0)
    throw new CliError(why.exit, why.message, {
      next: 'without the daemon, testing this machine needs root: use sudo',
      problem: why.problem,
    });
  if (!context.json)
    process.stderr.write(`sliverctl: ${why.message}; testing this machine without the daemon\n`);
  const { examine } = await import('../node/doctor/index.ts');
  const { loadConfig } = await import('../node/config.ts');
  const { stateDirectory, runDirectory } = loadConfig('/etc/sliverd/node.yaml', true);
  return examine({ stateDirectory, runDirectory });
}
