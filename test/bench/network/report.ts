import { rows } from '../report.ts';
import type { Summary } from '../statistics.ts';
import type { NetworkReport } from './index.ts';
import { MEASURES, type Measure } from './measure.ts';

const UNITS: Record<Measure, string> = {
  exchange: 'a byte there and back, µs',
  connect: 'new connections a second',
  in: 'into it, Gbit/s',
  out: 'out of it, Gbit/s',
  accept: 'listen() to accept(), µs',
};

/** For people: medians with their quartiles, and ratios to the same service on the node itself. */
export function networkTable({ services, skipped, levels, binds, flows }: NetworkReport): string[] {
  const cell = (summary: Summary | undefined, least: Summary | undefined) => {
    if (!summary) return '–';
    const ratio = least && least !== summary ? ` ${(summary.median / least.median).toFixed(2)}×` : '';
    return `${short(summary.median)} [${short(summary.q1)}–${short(summary.q3)}]${ratio}`;
  };
  return [
    'The network, from a host outside: who serves',
    ...Object.entries(services).map(([name, includes]) => `  ${name}: ${includes}`),
    ...Object.entries(skipped).map(([name, why]) => `  ${name}: SKIPPED, ${why}`),
    ...levels.flatMap(({ slivers, services, refused, begun, attach }) => [
      '',
      `With ${slivers} of them connected: median [quartiles], and ratio to the node itself`,
      ...rows([
        ['', ...MEASURES.map((measure) => UNITS[measure])],
        ...Object.entries(services).map(([name, measures]) => [
          name,
          ...MEASURES.map((measure) => cell(measures[measure], services.node?.[measure])),
        ]),
      ]),
      `  attaching number ${slivers}: ${cell(attach, undefined)} ms`,
      `  connections begun as listen() returned: ${begun}, refused: ${refused}`,
    ]),
    '',
    'Sockets bound and closed a second',
    `  in a sliver: ${cell(binds.perSecond, undefined)}, without arbitration: ${cell(binds.bare, undefined)}; of ${binds.count} ports, ${binds.left} still claimed`,
    '',
    `Flows: ${flows.sent} begun, ${flows.perSecond.toFixed(0)} a second; ${flows.recorded} recorded, by ${flows.processorPercent.toFixed(0)} % of a processor`,
  ];
}

const short = (value: number) => value.toFixed(value < 1000 ? 1 : 0);
