import type { Phase } from '../environments/environment.ts';
import type { SliverRecord } from './record.ts';

/**
 * For the fault-injection test: SLIVERD_KILL_AT=before:start/run makes the daemon kill itself there, as a power
 * cut would, with no chance to tidy up. Unset, as always in production, nothing is installed.
 */
export function faultFromEnvironment():
  | ((when: 'before' | 'after', phase: Phase, step: string, sliver: SliverRecord) => void)
  | undefined {
  const at = process.env.SLIVERD_KILL_AT;
  if (!at) return undefined;
  return (when, phase, step) => {
    if (`${when}:${phase}/${step}` === at) process.kill(process.pid, 'SIGKILL');
  };
}
