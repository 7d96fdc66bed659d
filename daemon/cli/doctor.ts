import { examine, type Finding, formatFindings } from '../node/doctor/index.ts';
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
    if (!context.json)
      process.stderr.write(`sliverctl: ${error.message}; testing this machine without the daemon\n`);
    findings = await examine({ stateDirectory: '/var/lib/sliverd', runDirectory: '/run/sliverd' });
  }
  context.print({ findings }, () => formatFindings(findings));
  if (findings.some((finding) => finding.severity === 'required' && !finding.ok))
    process.exitCode = EXIT.failed;
}
