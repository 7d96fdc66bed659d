import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Summary, summarise } from '../statistics.ts';
import { Unavailable } from '../subjects/subject.ts';
import { type FlowReport, recordFlows } from './flows.ts';
import { measureServices, type NetworkLevel, type Service } from './measure.ts';
import { BenchNode } from './node.ts';
import { Outside } from './outside.ts';
import { dockerPort, type Peer, podmanPort } from './peers.ts';
import { Probe } from './probe.ts';

export interface NetworkReport {
  readonly services: Record<string, string>;
  readonly skipped: Record<string, string>;
  readonly levels: NetworkLevel[];
  readonly flows: FlowReport;
  readonly binds: { count: number; perSecond: Summary; bare: Summary; left: number };
}

export interface NetworkOptions {
  readonly rounds: number;
  /** Slivers of the second level. */
  readonly count: number;
  readonly peers: readonly string[];
  /** For how long flows are begun. */
  readonly flowSeconds: number;
  say(text: string): void;
}

const [SLIVER_PORT, NODE_PORT] = [7000, 7001];
const PEERS = { docker: dockerPort, podman: podmanPort };
const [BINDS, FIRST_BIND] = [1000, 10_000];

/** The shared address beside the same services without it: with one sliver, and as the last of many. */
export async function networkBench({
  rounds,
  count,
  peers,
  flowSeconds,
  say,
}: NetworkOptions): Promise<NetworkReport> {
  if (!/ \/sys\/fs\/cgroup cgroup2 /.test(readFileSync('/proc/mounts', 'utf8')))
    execFileSync('mount', ['-t', 'cgroup2', 'cgroup2', '/sys/fs/cgroup']);
  const folder = mkdtempSync('/var/tmp/sliverd-bench-network-');
  const probe = new Probe(folder);
  const skipped: Record<string, string> = {};
  const others: Peer[] = [];
  let node: BenchNode | undefined;
  try {
    const [outsidePid = 0, bare = 0, router = 0, behind = 0] = await probe.hold(4);
    const outside = new Outside(outsidePid);
    const address = outside.connect(process.pid);
    node = await BenchNode.open(folder, probe, count);
    const service = async (
      name: string,
      includes: string,
      place: Service['place'],
      at: string,
      port: number,
    ) => {
      await probe.serve(place ?? { pid: 0 }, port);
      return { name, includes, address: at, port, ...(place ? { place } : {}) };
    };
    const own = await service(
      'node',
      'on the node itself, beside its slivers',
      { pid: process.pid },
      address,
      NODE_PORT,
    );
    const floor = await service(
      'bare',
      'a host without any rule',
      { pid: bare },
      outside.connect(bare),
      SLIVER_PORT,
    );
    const routed = await service(
      'routed',
      'a namespace behind a host that forwards and tracks connections: the least that any sharing costs',
      { pid: behind },
      outside.connectBehind(router, behind),
      SLIVER_PORT,
    );
    for (const name of peers) {
      const open = PEERS[name as keyof typeof PEERS];
      if (!open) continue;
      try {
        others.push(await open(folder, outside, probe));
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        skipped[name] = error instanceof Unavailable ? why : `it failed: ${why}`;
        say(`${name} is skipped, ${skipped[name]}`);
      }
    }
    const levels: NetworkLevel[] = [];
    const steady = [own, floor, routed, ...others.map((peer) => peer.service)];
    let port = SLIVER_PORT;
    for (const slivers of [1, count]) {
      for (let id = (levels.at(-1)?.slivers ?? 0) + 1; id <= slivers; id++) await node.attach(id);
      const attach = await attachTimes(node, slivers, rounds);
      const sliver = await service(
        'sliver',
        'in a sliver, at the shared address',
        node.place(slivers),
        address,
        port++,
      );
      levels.push({
        ...(await measureServices(probe, outside.pid, [sliver, ...steady], { slivers, rounds, say })),
        attach,
      });
      if (port === NODE_PORT) port++;
    }
    const services = Object.fromEntries(steady.map(({ name, includes }) => [name, includes]));
    const binds = await bindTimes(probe, node, bare, rounds);
    say('ten thousand flows a second');
    const flows = await recordFlows(probe, node, outside, flowSeconds);
    return { services, skipped, levels, binds, flows };
  } finally {
    for (const peer of others) await peer.stop().catch((error) => say(error.message));
    await node?.stop().catch((error) => say(error.message));
    await probe.stop();
    rmSync(folder, { recursive: true });
  }
}

/** How long it takes to attach the last sliver, again and again. */
async function attachTimes(node: BenchNode, id: number, rounds: number): Promise<Summary> {
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    await node.detach(id);
    const took = await node.attach(id);
    if (round > 0) times.push(took);
  }
  return summarise(times);
}

/** A thousand binds and closes in a sliver, and in a namespace where nobody asks whose a port is; what stays in the map. */
async function bindTimes(probe: Probe, node: BenchNode, bare: number, rounds: number) {
  const before = node.ports.list().length;
  const [perSecond, without]: [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round++)
    for (const [place, rates] of [
      [node.place(1), perSecond],
      [{ pid: bare }, without],
    ] as const) {
      const [nanoseconds = 0] = await probe.run(place, 'bind', FIRST_BIND, BINDS);
      if (round > 0) rates.push(1e9 / nanoseconds);
    }
  for (let wait = 0; node.ports.list().length > before && wait < 50; wait++) await sleep(20);
  return {
    count: BINDS * (rounds + 1),
    perSecond: summarise(perSecond),
    bare: summarise(without),
    left: node.ports.list().length - before,
  };
}
