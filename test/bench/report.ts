import type { Beside, Idle, Restart } from './costs.ts';
import type { RecordsReport } from './flows/index.ts';
import { recordsTable } from './flows/report.ts';
import type { ManagerReport } from './manager/index.ts';
import { managerTable } from './manager/report.ts';
import { OPERATIONS, type Operation, type Samples } from './measure.ts';
import type { NetworkReport } from './network/index.ts';
import { networkTable } from './network/report.ts';
import type { SensorsReport } from './sensors/index.ts';
import { sensorsTable } from './sensors/report.ts';
import type { SshReport } from './ssh/index.ts';
import { sshTable } from './ssh/report.ts';
import { type Summary, summarise } from './statistics.ts';
import { targets } from './targets.ts';

export interface Level {
  /** How many of ours exist while the last one is measured. */
  readonly containers: number;
  readonly times: Record<string, Partial<Record<Operation, Summary>>>;
}

export interface Report {
  readonly subjects: Record<string, string>;
  readonly skipped: Record<string, string>;
  readonly levels: Level[];
  readonly beside: Beside[];
  readonly restarts: Restart[];
  idle?: Idle;
  /** Of a node on the shared network. */
  idleConnected?: Idle;
  network?: NetworkReport;
  ssh?: SshReport;
  manager?: ManagerReport;
  sensors?: SensorsReport;
  records?: RecordsReport;
}

export function level(containers: number, samples: Samples): Level {
  const times: Level['times'] = {};
  for (const [subject, operations] of samples) {
    const summaries: Partial<Record<Operation, Summary>> = {};
    for (const operation of OPERATIONS)
      if (operations[operation].length) summaries[operation] = summarise(operations[operation]);
    times[subject] = summaries;
  }
  return { containers, times };
}

/** For people: what was compared, medians with their quartiles, ratios, and what the project promises. */
export function table(report: Report): string {
  const lines: string[] = report.levels.length ? ['What the times include'] : [];
  for (const [name, includes] of Object.entries(report.subjects)) lines.push(`  ${name}: ${includes}`);
  for (const [name, why] of Object.entries(report.skipped)) lines.push(`  ${name}: SKIPPED, ${why}`);
  for (const each of report.levels) lines.push('', ...times(each));
  if (report.beside.length) {
    lines.push('', 'Memory beside the payload (PSS of all its daemons and monitors)');
    lines.push(
      ...rows([
        ['', 'containers', 'in all', 'each', 'processes'],
        ...report.beside.map(({ subject, containers, bytes, processes }) => [
          subject,
          String(containers),
          kib(bytes),
          kib(bytes / containers),
          Object.entries(processes)
            .map(([name, count]) => `${count} ${name}`)
            .join(', ') || 'none',
        ]),
      ]),
    );
  }
  if (report.network) lines.push('', ...networkTable(report.network));
  if (report.ssh) lines.push('', ...sshTable(report.ssh));
  if (report.manager) lines.push('', ...managerTable(report.manager));
  if (report.sensors) lines.push('', ...sensorsTable(report.sensors));
  if (report.records) lines.push('', ...recordsTable(report.records));
  lines.push('', 'Targets');
  lines.push(
    ...rows(
      targets(report).map(({ what, limit, value, met }) => [what, limit, value, met ? 'met' : 'MISSED']),
    ),
  );
  return lines.join('\n');
}

function times({ containers, times }: Level): string[] {
  const floor = times.crun;
  const cell = (summary: Summary | undefined, least: Summary | undefined) =>
    summary
      ? `${summary.median.toFixed(1)} [${summary.q1.toFixed(1)}–${summary.q3.toFixed(1)}]${least ? ` ${(summary.median / least.median).toFixed(2)}×` : ''}`
      : '–';
  return [
    `Milliseconds, number ${containers}: median [quartiles], and ratio to crun`,
    ...rows([
      ['', ...OPERATIONS],
      ...Object.entries(times).map(([subject, operations]) => [
        subject,
        ...OPERATIONS.map((operation) => cell(operations[operation], floor?.[operation])),
      ]),
    ]),
  ];
}

const kib = (bytes: number) => `${Math.round(bytes / 1024).toLocaleString('en')} KiB`;

/** Cells in columns. */
export function rows(cells: string[][]): string[] {
  const widths = cells.reduce<number[]>(
    (most, row) => row.map((cell, column) => Math.max(most[column] ?? 0, cell.length)),
    [],
  );
  return cells.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
  );
}
