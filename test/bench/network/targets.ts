import type { Target } from '../targets.ts';
import type { NetworkReport } from './index.ts';
import type { Measure } from './measure.ts';

/** What the project promises of the shared address. */
export function networkTargets({ levels, binds, flows }: NetworkReport): Target[] {
  const found: Target[] = [];
  const within = (what: string, value: number, most: number, unit: string) =>
    found.push({
      what,
      limit: `≤ ${most} ${unit}`,
      value: `${value.toFixed(2)} ${unit}`,
      met: value <= most,
    });
  const atLeast = (what: string, value: number, least: number, unit: string) =>
    found.push({
      what,
      limit: `≥ ${least} ${unit}`,
      value: `${value.toFixed(2)} ${unit}`,
      met: value >= least,
    });
  for (const { slivers, services, refused, attach } of levels) {
    const median = (name: string, measure: Measure) => services[name]?.[measure]?.median ?? Number.NaN;
    const among = `among ${slivers}`;
    const ratio = (measure: Measure, to: string) => median('sliver', measure) / median(to, measure);
    within(
      `exchange ${among}, over the node's own`,
      median('sliver', 'exchange') - median('node', 'exchange'),
      8,
      'µs',
    );
    for (const peer of ['docker', 'podman'])
      if (services[peer]) within(`exchange ${among}, to a port of ${peer}`, ratio('exchange', peer), 1, '×');
    atLeast(`new connections ${among}, to the node's own`, ratio('connect', 'node'), 0.85, '×');
    atLeast(`throughput in ${among}, to the node's own`, ratio('in', 'node'), 0.85, '×');
    atLeast(`throughput out ${among}, to the node's own`, ratio('out', 'node'), 0.85, '×');
    within(`connections refused as listen() returned, ${among}`, refused, 0, 'refused');
    if (attach) within(`attaching number ${slivers}`, attach.median, 10, 'ms');
  }
  atLeast('binds and closes a second', binds.perSecond.median, 1000, 'a second');
  within('claims left of them', binds.left, 0, 'claims');
  within('flows that are in no record', flows.sent - flows.recorded, 0, `of ${flows.sent}`);
  return found;
}
