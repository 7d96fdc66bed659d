import type { Bytes, Held, NetworkUsage, Refused } from '../../../netns/network-limits.ts';
import type { SliverNetwork } from '../../../netns/sliver-network.ts';
import { readCgroup, readCounters } from '../../cgroups/files.ts';
import { cgroupUsage } from '../../cgroups/usage.ts';
import type { Usage } from '../../environments/environment.ts';
import type { Days } from '../../slivers/days/days.ts';
import type { Ports } from '../../slivers/ports.ts';
import type { SliverRecord } from '../../slivers/record.ts';
import type { Refusals } from '../../slivers/refusals.ts';
import type { SliverStore } from '../../slivers/store.ts';
import { type Rates, type Sampler, WINDOWS } from '../rates/sampler.ts';
import { type Field, inTurns, nodeSensor, type Sensor } from '../sensor.ts';

export interface SliversOptions {
  readonly store: Pick<SliverStore, 'list'>;
  state(record: SliverRecord): { readonly state: string; readonly since: number };
  cgroup(record: SliverRecord): string | undefined;
  readonly sampler: Pick<Sampler, 'rates'>;
  readonly network: Pick<SliverNetwork, 'usages' | 'counters'>;
  readonly ports: Pick<Ports, 'list'>;
  readonly refusals: Pick<Refusals, 'counted'>;
  readonly days: Pick<Days, 'slowedTo'>;
  readonly memoryBytes: number;
}

interface Seen {
  readonly record: SliverRecord;
  readonly state: string;
  readonly since: number;
  readonly usage: Usage;
  readonly residentBytes: number | undefined;
  readonly swapBytes: number | undefined;
  readonly rates: readonly Rates[];
  readonly network: NetworkUsage;
  readonly ports: number;
  readonly refused: Refused;
}
type Of = Field<Seen>['of'];

const number = (name: string, unit: string, description: string, of: Of): Field<Seen> => {
  return { name, type: 'number', ...(unit ? { unit } : {}), description, of };
};
const gauge = (...field: Parameters<typeof number>): Field<Seen> => ({
  ...number(...field),
  metric: 'gauge',
});
const counter = (...field: Parameters<typeof number>): Field<Seen> => {
  return { ...number(...field), metric: 'counter' };
};
const rounded = (value: number | undefined) =>
  value === undefined ? undefined : Math.round(value * 1000) / 1000;
const bits = (bytes: number | undefined) => (bytes === undefined ? undefined : Math.round(bytes * 8));
const seconds = (microseconds: number | undefined) =>
  microseconds === undefined ? undefined : microseconds / 1e6;

const PRESSURE = (['cpu', 'memory', 'io'] as const).flatMap((resource) => [
  gauge(
    `${resource}_some_percent`,
    'percent',
    `of the last 10 s in which a task of it waited for ${resource}`,
    ({ usage }) => usage.pressure?.[resource].some,
  ),
  gauge(
    `${resource}_full_percent`,
    'percent',
    `of the last 10 s in which all that could run of it waited for ${resource}`,
    ({ usage }) => usage.pressure?.[resource].full,
  ),
]);

const TRANSFERRED: readonly (readonly [string, keyof Bytes, string])[] = [
  ['up_bytes', 'up', 'to the world since its start'],
  ['down_bytes', 'down', 'from the world since its start'],
  ['exempt_up_bytes', 'exemptUp', "to the owner's exempt destinations"],
  ['exempt_down_bytes', 'exemptDown', 'from them'],
];

const REFUSED: readonly (readonly [keyof Refused, string])[] = [
  ['connections', 'beyond its connections at once'],
  ['rate', 'of connections begun too fast'],
  ['destinations', 'to destinations beyond those that it may begin to reach in a minute'],
  ['owner', 'to what the owner refuses'],
  ['spoofed', "from addresses that aren't its own"],
];

function fields({ network, days, memoryBytes }: SliversOptions): readonly Field<Seen>[] {
  const windows = (name: string, unit: string, what: string, of: (one: Rates) => number | undefined) =>
    WINDOWS.map((minutes, at) =>
      number(
        `${name}_${minutes}m`,
        unit,
        `${what}, over ${minutes === 1 ? 'the last minute' : `${minutes} minutes`}`,
        ({ rates }) => of(rates[at]),
      ),
    );
  const rate = (way: 'up' | 'down') => (one: Rates) => (network.counters ? bits(one?.[way]) : undefined);
  const held = (way: 'up' | 'down', what: keyof Held, description: string) =>
    counter(`${way}_${what === 'times' ? 'held' : 'dropped'}`, '', description, (seen) => {
      return seen.network.held?.[way][what];
    });
  return [
    { name: 'slice', type: 'text', description: 'its name', of: ({ record }) => record.name },
    number('id', '', 'of the sliver on this node', ({ record }) => record.id),
    { name: 'state', type: 'text', description: 'running, stopped, …', of: ({ state }) => state },
    {
      name: 'since',
      type: 'time',
      description: 'in this state',
      of: ({ since }) => new Date(since).toISOString(),
    },
    ...windows('cpu_percent', 'percent', 'of one processor', (one) => one && rounded(one.cpu / 10_000)),
    counter('cpu_seconds', 'seconds', 'of processors since its start', ({ usage }) => {
      return seconds(usage.cpuMicroseconds);
    }),
    counter('cpu_throttled_seconds', 'seconds', 'that its tasks waited for cpu.max', ({ usage }) => {
      return seconds(usage.cpuThrottledMicroseconds);
    }),
    number('memory_percent', 'percent', "of the machine's memory", ({ usage }) => {
      return usage.memoryBytes === undefined ? undefined : rounded((usage.memoryBytes / memoryBytes) * 100);
    }),
    gauge('memory_bytes', 'bytes', 'that it is charged, caches too', ({ usage }) => usage.memoryBytes),
    gauge('resident_bytes', 'bytes', "in its processes' memory", ({ residentBytes }) => residentBytes),
    gauge('swap_bytes', 'bytes', 'of swap', ({ swapBytes }) => swapBytes),
    counter('memory_kills', '', 'processes killed for memory', ({ usage }) => usage.memoryEvents?.oom_kill),
    gauge('processes', '', 'and threads', ({ usage }) => usage.processes),
    counter('processes_refused', '', 'for pids.max', ({ usage }) => usage.pidsRefused),
    counter('read_bytes', 'bytes', 'from disks', ({ usage }) => usage.io?.readBytes),
    counter('written_bytes', 'bytes', 'to disks', ({ usage }) => usage.io?.writeBytes),
    ...PRESSURE,
    ...windows('up_bps', 'bit/s', 'to the world', rate('up')),
    ...windows('down_bps', 'bit/s', 'from the world', rate('down')),
    ...TRANSFERRED.map(([name, key, description]) =>
      counter(name, 'bytes', description, (seen) => seen.network.bytes?.[key]),
    ),
    gauge('ports', '', "of the node's address that it owns", ({ ports }) => ports),
    held('up', 'times', 'how often its next packet to the world had to wait for its rate'),
    held('up', 'dropped', 'packets to the world that found too many waiting'),
    held('down', 'times', 'how often its next packet from the world had to wait for its rate'),
    held('down', 'dropped', 'packets from the world that found too many waiting'),
    ...(['up', 'down'] as const).map((way) =>
      gauge(
        `${way}_slowed_bps`,
        'bit/s',
        "what it is slowed to by its day's bytes; empty: it isn't",
        (seen) => days.slowedTo(seen.record, way),
      ),
    ),
    ...REFUSED.map(([reason, description]) =>
      counter(`refused_${reason}`, '', `packets ${description}`, ({ refused }) => refused[reason]),
    ),
  ];
}

/** What each sliver uses, and what was limited and why. No program is run, and each of the kernel's tables is read once. */
export function allSlivers(options: SliversOptions): Sensor {
  const { store, network, ports, refusals, sampler } = options;
  const about = {
    name: 'slivers',
    description: 'What each sliver uses and was refused: processor, memory, disk, network',
    maxAge: 5,
  };
  return nodeSensor(about, fields(options), async () => {
    const records = store.list();
    const networks = await network.usages(records.map(({ id }) => id));
    const owned = Map.groupBy(ports.list(), ({ sliver }) => sliver);
    return inTurns(records, (record): Seen => {
      const cgroup = options.cgroup(record);
      const usage = cgroup === undefined ? {} : cgroupUsage(cgroup);
      return {
        record,
        ...options.state(record),
        usage,
        residentBytes: cgroup === undefined ? undefined : resident(cgroup),
        swapBytes: cgroup === undefined ? undefined : bytesIn(`${cgroup}/memory.swap.current`),
        rates: sampler.rates(record, usage.cpuMicroseconds),
        network: cgroup === undefined ? {} : (networks.get(record.id) ?? {}),
        ports: owned.get(record.name)?.length ?? 0,
        refused: refusals.counted(record.id),
      };
    });
  });
}

/** What its processes have in memory: their own, and files that they have mapped. */
function resident(cgroup: string): number | undefined {
  const { anon, file_mapped: mapped } = readCounters(`${cgroup}/memory.stat`);
  return anon === undefined ? undefined : anon + (mapped ?? 0);
}

function bytesIn(file: string): number | undefined {
  const text = readCgroup(file);
  return text === undefined ? undefined : Number(text);
}
