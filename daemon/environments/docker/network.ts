import type Docker from 'dockerode';
import type { SliverRecord } from '../../slivers/record.ts';
import { isProcessOf } from './cgroup.ts';
import { inspect, wantedContainer } from './containers.ts';
import type { Context } from './index.ts';

/**
 * Connects a container's network namespace, in which there is nothing but loopback and our init yet: the engine is told to
 * make no network. An engine in process namespaces of its own tells pids that mean nothing here: what it runs stays alone,
 * and that is said (degraded.ts).
 */
export async function connect(context: Context, sliver: SliverRecord): Promise<void> {
  const { container } = await wantedContainer(context, sliver);
  const info = await inspect(context, container);
  const pid = info?.State.Pid ?? 0;
  if (pid <= 0) return; // it has ended: the next look at the sliver finds that out
  context.engine.inReach = isProcessOf(pid, container);
  if (!context.engine.inReach || (await isPowerful(context, info))) return;
  await context.network.attach(sliver.id, pid, context.networkLimits(sliver));
}

/** A container of a version that gave CAP_NET_ADMIN without a user namespace (confinement.ts): alone until its next start. */
async function isPowerful(context: Context, info: Docker.ContainerInspectInfo | undefined): Promise<boolean> {
  const given = info?.HostConfig.CapAdd ?? [];
  return !(await context.engine.facts()).remapped && given.some((name: string) => name.endsWith('NET_ADMIN'));
}
