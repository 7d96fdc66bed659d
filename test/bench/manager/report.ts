import { rows } from '../report.ts';
import type { Summary } from '../statistics.ts';
import type { Target } from '../targets.ts';
import type { ManagerReport } from './index.ts';

const cell = ({ median, q1, q3 }: Summary) =>
  [median, q1, q3]
    .map((one) => one.toFixed(one < 100 ? 1 : 0))
    .join(' ')
    .replace(/ (.*) (.*)/, ' [$1–$2]');

/** For people: medians with their quartiles, and ratios to the least that does the same. */
export function managerTable({ reads, told, subscribers, tickets }: ManagerReport): string[] {
  const bare = reads["node:http's own"]?.median ?? Number.NaN;
  const ratio = (one: Summary, least: number) => `${(one.median / least).toFixed(2)}×`;
  return [
    "The manager's socket: answers for each second of a processor of who answers; tickets of five links a second, on one processor",
    ...rows([
      ['', 'a second', 'to the least'],
      ...Object.entries(reads).map(([name, one]) => [
        `a sliver's state, by ${name}`,
        cell(one),
        ratio(one, bare),
      ]),
      ['tickets that share four links', cell(tickets.related), ratio(tickets.related, tickets.floor.median)],
      ['tickets that share none', cell(tickets.unknown), ratio(tickets.unknown, tickets.floor.median)],
      ['five signatures, verified by node:crypto', cell(tickets.floor), '1.00×'],
    ]),
    `A change until the last of ${subscribers} subscribers has been told of it: ${cell(told)} ms`,
  ];
}

/** What the project promises of it. */
export function managerTargets({ reads, told, subscribers, tickets }: ManagerReport): Target[] {
  const least = (what: string, value: number, limit: number) => ({
    what,
    limit: `≥ ${limit}`,
    value: value.toFixed(0),
    met: value >= limit,
  });
  return [
    least(
      "reads of a sliver's state, a second of a processor",
      reads['the sliver itself']?.median ?? Number.NaN,
      10_000,
    ),
    least('tickets of five links verified a second, four in common', tickets.related.median, 2000),
    least('tickets of five links verified a second, none in common', tickets.unknown.median, 2000),
    {
      what: `an event reaches ${subscribers} subscribers`,
      limit: '≤ 50 ms',
      value: `${told.median.toFixed(0)} ms`,
      met: told.median <= 50,
    },
  ];
}
