import { rows } from '../report.ts';
import type { Summary } from '../statistics.ts';
import type { Target } from '../targets.ts';
import type { RecordsReport } from './index.ts';

const [MOST, LEAST] = [200, 10_000];
const cell = ({ median, q1, q3 }: Summary) => `${median.toFixed(0)} [${q1.toFixed(0)}–${q3.toFixed(0)}]`;

export function recordsTable({
  flows,
  segments,
  bytes,
  written,
  questions,
  heldUp,
}: RecordsReport): string[] {
  return [
    `Records of ${flows} flows: ${segments} segments, ${(bytes / 2 ** 20).toFixed(0)} MiB, written ${written.toFixed(0)} a second`,
    'Milliseconds to an answer of at most 100: median [quartiles]',
    ...rows([
      ['', 'found', 'in the page cache', 'from the disk'],
      ...questions.map(({ shape, found, times, cold }) => [shape, String(found), cell(times), cell(cold)]),
    ]),
    `  who asked could do nothing else for ${heldUp.toFixed(0)} ms at the most`,
  ];
}

export function recordsTargets({ flows, written, questions }: RecordsReport): Target[] {
  const slowest = questions.reduce((one, other) => (other.times.median > one.times.median ? other : one));
  const { median } = slowest.times;
  return [
    {
      what: `the slowest question to ${flows} flows (${slowest.shape})`,
      limit: `< ${MOST} ms`,
      value: `${median.toFixed(0)} ms`,
      met: median < MOST,
    },
    {
      what: 'flows written a second',
      limit: `≥ ${LEAST}`,
      value: written.toFixed(0),
      met: written >= LEAST,
    },
  ];
}
