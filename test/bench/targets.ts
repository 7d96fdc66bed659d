import { recordsTargets } from './flows/report.ts';
import { managerTargets } from './manager/report.ts';
import { networkTargets } from './network/targets.ts';
import type { Report } from './report.ts';
import { sensorsTargets } from './sensors/report.ts';
import { sshTargets } from './ssh/report.ts';

export interface Target {
  readonly what: string;
  readonly limit: string;
  readonly value: string;
  readonly met: boolean;
}

/** What the project promises of itself; ratios where a number alone would only tell of the machine. */
export function targets(report: Report): Target[] {
  const [single, full] = report.levels;
  const median = (level: typeof single, subject: string, operation: 'create' | 'exec') =>
    level?.times[subject]?.[operation]?.median ?? Number.NaN;
  const found: Target[] = [];
  const ratio = (what: string, value: number, limit: number) => {
    if (!Number.isNaN(value))
      found.push({ what, limit: `≤ ${limit} ×`, value: `${value.toFixed(2)} ×`, met: value <= limit });
  };
  const below = (what: string, value: number, limit: number, unit: string) =>
    found.push({
      what,
      limit: `< ${limit} ${unit}`,
      value: `${value.toFixed(2)} ${unit}`,
      met: value < limit,
    });
  const ours = (operation: 'create' | 'exec', level: typeof single) =>
    median(level, 'sliverd', operation) / median(level, 'crun', operation);
  ratio('create, to crun run of the same bundle', ours('create', single), 3);
  ratio('exec, to crun exec', ours('exec', single), 2);
  if (full) {
    const growth = (subject: string) => median(full, subject, 'create') / median(single, subject, 'create');
    const drift = Number.isNaN(growth('crun')) ? '' : ` (crun itself ${growth('crun').toFixed(2)} ×)`;
    ratio(`create, number ${full.containers} to number 1${drift}`, growth('sliverd'), 1.2);
    ratio(`exec among ${full.containers}, to crun exec`, ours('exec', full), 2);
  }
  if (report.idle) {
    below(`resident, ${report.idle.slivers} idle slivers`, report.idle.residentBytes / 2 ** 20, 150, 'MiB');
    below('idle processor time', report.idle.processorPercent, 0.5, '%');
    below('processes beside each init', report.idle.besideInit, 1, 'processes');
  }
  if (report.idleConnected) {
    const { slivers, processorPercent, residentBytes } = report.idleConnected;
    below(`idle processor time, ${slivers} slivers on the shared network`, processorPercent, 0.5, '%');
    below('resident with them', residentBytes / 2 ** 20, 150, 'MiB');
  }
  for (const { serving, slivers, disturbed } of report.restarts) {
    below(`restart with ${slivers} slivers: serving after`, serving / 1000, 3, 's');
    below('slivers disturbed by it', disturbed, 1, 'slivers');
  }
  if (report.network) found.push(...networkTargets(report.network));
  if (report.ssh) found.push(...sshTargets(report.ssh));
  if (report.manager) found.push(...managerTargets(report.manager));
  if (report.sensors) found.push(...sensorsTargets(report.sensors));
  if (report.records) found.push(...recordsTargets(report.records));
  return found;
}
