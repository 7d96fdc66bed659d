import { cgroupUsage } from '../../cgroups/usage.ts';
import type { SliverRecord } from '../../slivers/record.ts';
import type { Usage } from '../environment.ts';
import { quotaUsage } from '../project-quota.ts';
import { cgroupOf } from './cgroup.ts';
import { inspect, listContainers } from './containers.ts';
import type { Context } from './index.ts';
import { layerOf } from './layer.ts';

interface Stats {
  cpu_stats?: { cpu_usage?: { total_usage?: number }; throttling_data?: { throttled_time?: number } };
  memory_stats?: { usage?: number; max_usage?: number };
  pids_stats?: { current?: number };
  blkio_stats?: Record<string, { op: string; value: number }[] | null>;
}

/** By quota and cgroup themselves where they are in sight, which gives more; by a sample of the engine's otherwise. */
export async function containerUsage(context: Context, sliver: SliverRecord): Promise<Usage> {
  const day = context.networkDay(sliver);
  const network = { ...(await context.network.usage(sliver.id)), ...(day ? { day } : {}) };
  return { ...(await withinContainer(context, sliver)), network };
}

async function withinContainer(context: Context, sliver: SliverRecord): Promise<Usage> {
  const found = (await listContainers(context, sliver.id)).find(({ active }) => active);
  const info = found && (await inspect(context, found.container));
  if (!found || !info) return {};
  const layer = layerOf(info);
  const used =
    layer && (await context.engine.facts()).storage.quota ? quotaUsage(layer.upper, sliver) : undefined;
  const disk = used ? { diskBytes: used.bytes, diskInodes: used.inodes } : {};
  const cgroup = cgroupOf(info.State.Pid);
  if (cgroup) return { ...cgroupUsage(cgroup), ...disk };
  const stats = (await context.engine.call(
    `reading the usage of ${sliver.name}`,
    (docker) => docker.getContainer(found.container).stats({ stream: false, 'one-shot': true }),
    [404, 409],
  )) as Stats | undefined;
  return { ...fromStats(stats ?? {}), ...disk };
}

/** The engine counts CPU time in nanoseconds. */
export function fromStats(stats: Stats): Usage {
  const usage: Usage = {};
  const cpu = stats.cpu_stats?.cpu_usage?.total_usage;
  if (cpu !== undefined) usage.cpuMicroseconds = Math.round(cpu / 1000);
  const throttled = stats.cpu_stats?.throttling_data?.throttled_time;
  if (throttled !== undefined) usage.cpuThrottledMicroseconds = Math.round(throttled / 1000);
  if (stats.memory_stats?.usage !== undefined) usage.memoryBytes = stats.memory_stats.usage;
  if (stats.memory_stats?.max_usage) usage.memoryPeakBytes = stats.memory_stats.max_usage;
  if (stats.pids_stats?.current !== undefined) usage.processes = stats.pids_stats.current;
  const bytes = stats.blkio_stats?.io_service_bytes_recursive;
  const times = stats.blkio_stats?.io_serviced_recursive;
  if (bytes) {
    const sum = (list: { op: string; value: number }[] | null | undefined, op: string) =>
      (list ?? []).filter((row) => row.op.toLowerCase() === op).reduce((total, row) => total + row.value, 0);
    usage.io = {
      readBytes: sum(bytes, 'read'),
      writeBytes: sum(bytes, 'write'),
      reads: sum(times, 'read'),
      writes: sum(times, 'write'),
    };
  }
  return usage;
}
