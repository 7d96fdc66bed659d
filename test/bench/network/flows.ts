import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { segmentNumbers, segmentPath } from '../../../netns/flows/shelf.ts';
import { setSysctl } from '../../../netns/sysctl.ts';
import { processorTime } from '../processes.ts';
import type { BenchNode } from './node.ts';
import type { Outside } from './outside.ts';
import type { Probe } from './probe.ts';

export interface FlowReport {
  readonly sent: number;
  readonly perSecond: number;
  readonly recorded: number;
  /** Of one processor, while they were sent. */
  readonly processorPercent: number;
}

const [NOWHERE, FIRST] = ['203.0.113.0/24', '203.0.113.1'];
const [RATE, UDP] = [10_000, 17];

/** A sliver begins ten thousand flows a second: how many of them are in the records. */
export async function recordFlows(
  probe: Probe,
  node: BenchNode,
  outside: Outside,
  seconds: number,
): Promise<FlowReport> {
  outside.swallow(NOWHERE);
  setSysctl('netfilter/nf_conntrack_udp_timeout', '2'); // so that they end while others begin
  const recorder = Number(readFileSync(`${node.flows.cgroup}/cgroup.procs`, 'utf8'));
  const before = processorTime(recorder);
  const [sent = 0, nanoseconds = 0] = await probe.run(node.place(1), 'scatter', FIRST, RATE * seconds, RATE);
  const used = processorTime(recorder) - before;
  execFileSync('conntrack', ['--flush'], { stdio: 'ignore' });
  const recorded = () =>
    segmentNumbers(node.flows.folder).reduce((sum, number) => sum + udpFlows(node, number), 0);
  for (let wait = 0; recorded() < sent && wait < 60; wait++) await sleep(500);
  return {
    sent,
    perSecond: sent / (nanoseconds / 1e9),
    recorded: recorded(),
    processorPercent: (used / (nanoseconds / 1e6)) * 100,
  };
}

function udpFlows(node: BenchNode, number: number): number {
  const sql = new DatabaseSync(segmentPath(node.flows.folder, number), { readOnly: true, timeout: 5000 });
  try {
    return Number(sql.prepare('SELECT count(*) AS count FROM flows WHERE protocol = ?').get(UDP)?.count);
  } finally {
    sql.close();
  }
}
