import { rows } from '../report.ts';
import type { Target } from '../targets.ts';
import type { SensorsReport } from './index.ts';

/** For people. */
export function sensorsTable({ slivers, pollers, idle, kept, anew, least }: SensorsReport): string[] {
  const ways = {
    'a connection that stays': kept,
    'a connection each time': anew,
    "the same of node:http's own, ready": least,
  };
  return [
    `Sensors: ${pollers} slices that ask for all ${slivers} slivers once a second; the daemon's processor time`,
    ...rows([
      ['by', 'answers', 'bytes each', 'readings', 'of a processor'],
      ...Object.entries(ways).map(([way, { answers, bytesEach, readings, percent }]) => {
        return [way, String(answers), String(bytesEach), String(readings), `${percent.toFixed(2)} %`];
      }),
      ['nobody', '0', '', '', `${idle.toFixed(2)} %`],
    ]),
  ];
}

/** What the project promises of it. */
export function sensorsTargets({ slivers, pollers, idle, kept, anew }: SensorsReport): Target[] {
  return [kept, anew].map(({ percent }, way) => {
    const cost = percent - idle;
    return {
      what: `${pollers} sensor pollers at 1 Hz over ${slivers} slivers, ${way === 0 ? 'connected' : 'connecting anew'}: of a processor, beyond its idling`,
      limit: '< 5 %',
      value: `${cost.toFixed(2)} %`,
      met: cost < 5,
    };
  });
}
