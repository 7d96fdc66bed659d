import type { Observed, Phase } from '../environments/environment.ts';
import type { SliverRecord } from './record.ts';

/**
 * What to do next for one sliver: the pure heart of reconciliation. Phases in order, or none when desired equals
 * actual. It never looks at what was done before, only at what is (level-triggered), so a crash changes nothing.
 */
export function plan(record: SliverRecord, observed: Observed, now: number): Phase[] {
  const phases: Phase[] = [];
  const wanted = wants(record, now);
  const alive = observed.container === 'running' || observed.container === 'frozen';
  const current = alive && observed.run === record.run && observed.disk === record.disk;
  const keep = wanted !== 'absent' && current;

  if (!keep && observed.container !== 'absent') phases.push('stop');
  const wantedDisk = record.desired === 'deleted' ? undefined : record.disk;
  if (observed.debris || observed.disks.some((disk) => disk !== wantedDisk)) phases.push('discard');
  // A stopped sliver keeps the disk it has, and a new one gets it before its first start: create says early what
  // can't be done.
  if (wantedDisk !== undefined && !observed.disks.includes(wantedDisk)) phases.push('provision');
  if (wanted === 'absent') return phases;

  if (!keep) phases.push('start');
  else phases.push('apply');
  const frozen = keep && observed.container === 'frozen';
  if (wanted === 'frozen' && !frozen) phases.push('freeze');
  if (wanted === 'running' && frozen) phases.push('thaw');
  return phases;
}

/** What the kernel should show: an expired sliver does not run, whatever its record asks for. */
export function wants(record: SliverRecord, now: number): 'running' | 'frozen' | 'absent' {
  if (record.desired === 'deleted' || record.desired === 'stopped' || isExpired(record, now)) return 'absent';
  return record.desired;
}

export function isExpired(record: Pick<SliverRecord, 'expiresAt'>, now: number): boolean {
  return record.expiresAt !== null && record.expiresAt <= now;
}
