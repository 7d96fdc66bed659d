import { rows } from '../report.ts';
import type { Summary } from '../statistics.ts';
import type { Target } from '../targets.ts';
import type { SshReport } from './index.ts';
import { AT_ONCE, BIG, MEASURES, type Measure } from './measure.ts';

const UNITS: Record<Measure, string> = {
  login: 'login to the first byte, ms',
  echo: 'terminal echo, ms',
  cat: 'cat, MB/s',
  scp: 'scp, MB/s',
  rsync: 'rsync, MB/s',
  storm: `${AT_ONCE} logins at once, ms`,
};

/** For people: medians with their quartiles, and ratios to the plain account. */
export function sshTable(report: SshReport): string[] {
  const cell = (summary: Summary | undefined, least: Summary | undefined) => {
    if (!summary) return '–';
    const ratio = least && least !== summary ? ` ${(summary.median / least.median).toFixed(2)}×` : '';
    const [median, q1, q3] = [summary.median, summary.q1, summary.q3].map((one) =>
      one.toFixed(one < 10 ? 2 : 0),
    );
    return `${median} [${q1}–${q3}]${ratio}`;
  };
  return [
    `Logging in by ssh, from a host outside: to a sliver, and by Debian's sshd to a plain account; shells are bash, files ${BIG / 2 ** 20} MiB`,
    ...rows([
      ['', ...Object.keys(report)],
      ...MEASURES.map((measure) => [
        UNITS[measure],
        ...Object.values(report).map((one) => cell(one[measure], report.sshd?.[measure])),
      ]),
    ]),
  ];
}

/** What the project promises of logins. */
export function sshTargets(report: SshReport): Target[] {
  const median = (name: string, measure: Measure) => report[name]?.[measure]?.median ?? Number.NaN;
  const ratio = (measure: Measure) => median('sliver', measure) / median('sshd', measure);
  const most = (what: string, value: number, limit: number, unit: string) => ({
    what,
    limit: `≤ ${limit} ${unit}`,
    value: `${value.toFixed(2)} ${unit}`,
    met: value <= limit,
  });
  const throughput = (measure: Measure) => ({
    what: `ssh: throughput of ${measure}, to plain sshd's`,
    limit: '≥ 0.85 ×',
    value: `${ratio(measure).toFixed(2)} ×`,
    met: ratio(measure) >= 0.85,
  });
  return [
    most("ssh: login, to plain sshd's", ratio('login'), 1.5, '×'),
    most(`ssh: ${AT_ONCE} logins at once, to plain sshd's`, ratio('storm'), 2, '×'),
    most("ssh: echo, over plain sshd's", median('sliver', 'echo') - median('sshd', 'echo'), 0.5, 'ms'),
    throughput('cat'),
    throughput('scp'),
    throughput('rsync'),
  ];
}
