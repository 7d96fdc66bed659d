import { freemem, loadavg, networkInterfaces, release, totalmem, uptime } from 'node:os';
import type { SliverNetwork } from '../../../netns/sliver-network.ts';
import { readCgroup } from '../../cgroups/files.ts';
import { pressureOf } from '../../cgroups/usage.ts';
import type { Node } from '../../node/node.ts';
import { type Field, nodeSensor, type Sensor } from '../sensor.ts';

type Pressure = ReturnType<typeof pressureOf>;
interface Seen {
  readonly facts: ReturnType<Node['facts']>;
  readonly load: readonly number[];
  readonly pressure: Readonly<Record<'cpu' | 'memory' | 'io', Pressure>>;
  readonly addresses: readonly string[];
}

const gauge = (name: string, unit: string, description: string, of: Field<Seen>['of']): Field<Seen> => {
  return { name, type: 'number', unit, description, metric: 'gauge', of };
};
const text = (name: string, description: string, of: Field<Seen>['of']): Field<Seen> => {
  return { name, type: 'text', description, of };
};
const RESOURCES = ['cpu', 'memory', 'io'] as const;

const FIELDS: readonly Field<Seen>[] = [
  text('name', "the node's", ({ facts }) => facts.name),
  text('version', 'of sliverd', ({ facts }) => facts.version),
  text('kernel', 'its release', () => release()),
  text('addresses', 'of the link that slivers share the address of', ({ addresses }) => addresses.join(' ')),
  {
    name: 'started_at',
    type: 'time',
    description: 'since when the daemon serves',
    of: ({ facts }) => facts.startedAt,
  },
  gauge('uptime_seconds', 'seconds', 'of the machine', () => Math.floor(uptime())),
  gauge('cpus', '', 'processors', ({ facts }) => facts.capacity.cpus),
  ...[1, 5, 15].map((minutes, at) =>
    gauge(`load_${minutes}m`, '', 'tasks that run or wait, averaged', ({ load }) => rounded(load[at] ?? 0)),
  ),
  gauge('memory_bytes', 'bytes', 'of the machine', () => totalmem()),
  gauge('memory_available_bytes', 'bytes', 'that programs could have now', () => freemem()),
  gauge('slivers_memory_bytes', 'bytes', 'for all slivers', ({ facts }) => facts.capacity.memoryBytes),
  gauge('slivers_disk_bytes', 'bytes', 'for all slivers', ({ facts }) => facts.capacity.diskBytes),
  gauge('slivers_disk_free_bytes', 'bytes', 'of it, left now', ({ facts }) => facts.capacity.diskFreeBytes),
  ...RESOURCES.flatMap((resource) => [
    gauge(
      `${resource}_some_percent`,
      'percent',
      `of the last 10 s in which a task of the machine waited for ${resource}`,
      ({ pressure }) => pressure[resource]?.some,
    ),
    gauge(
      `${resource}_full_percent`,
      'percent',
      `of the last 10 s in which all that could run waited for ${resource}`,
      ({ pressure }) => pressure[resource]?.full,
    ),
  ]),
  gauge(
    'degraded',
    '',
    'things that do not hold on it: GET /v1/node tells',
    ({ facts }) => facts.degraded.length,
  ),
];

/** The node as a whole, one tuple. */
export function wholeNode(node: Pick<Node, 'facts'>, network: Pick<SliverNetwork, 'uplink'>): Sensor {
  const about = {
    name: 'node',
    description: 'The node: capacity, load, pressure, kernel, uptime, addresses',
    maxAge: 5,
  };
  return nodeSensor(about, FIELDS, async () => {
    const of = (resource: string) => pressureOf(readCgroup(`/proc/pressure/${resource}`));
    const pressure = { cpu: of('cpu'), memory: of('memory'), io: of('io') };
    return [{ facts: node.facts(), load: loadavg(), pressure, addresses: addressesOf(network.uplink) }];
  });
}

function addressesOf(uplink: string | undefined): string[] {
  const all = uplink === undefined ? [] : (networkInterfaces()[uplink] ?? []);
  return all.map(({ address }) => address).filter((address) => !address.startsWith('fe80:'));
}

const rounded = (value: number) => Math.round(value * 100) / 100;
