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
  const pid = (await inspect(context, container))?.State.Pid ?? 0;
  if (pid <= 0) return; // it has ended: the next look at the sliver finds that out
  context.engine.inReach = isProcessOf(pid, container);
  if (context.engine.inReach) await context.network.attach(sliver.id, pid, context.networkLimits(sliver));
}
