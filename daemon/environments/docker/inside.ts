import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type Docker from 'dockerode';
import type { SliverRecord } from '../../slivers/record.ts';
import { isProcessOf } from './cgroup.ts';
import { inspect, wantedContainer } from './containers.ts';
import type { Context } from './index.ts';
import { INSIDE, insideFolder } from './names.ts';

/** Before anything asks the engine for it, which would make a folder of its own. */
export function makeInside(context: Context, { id }: SliverRecord): void {
  const folder = insideFolder(context, id);
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  writeFileSync(`${folder}/init`, '', { mode: 0o755 });
}

export function removeInside(context: Context, { id }: SliverRecord): void {
  rmSync(`${context.runDirectory}/slivers/${id}`, { recursive: true, force: true });
}

/** Opens the manager's socket, where the container has the folder and the daemon sees who is root in it. */
export async function openSocket(context: Context, sliver: SliverRecord): Promise<void> {
  if (!context.insideSocket) return;
  const { container } = await wantedContainer(context, sliver);
  const info = await inspect(context, container);
  const group = await rootsGroup(context, info, container);
  const folder = insideFolder(context, sliver.id);
  const has = info?.Mounts.some(({ Destination, Source }) => Destination === INSIDE && Source === folder);
  if (has && group !== undefined) {
    context.socketless.delete(sliver.name);
    await context.insideSocket.open(sliver, folder, group);
  } else context.socketless.set(sliver.name, has ? 'hidden' : 'older');
}

/** As the host counts: with userns-remap, what the engine maps root to. */
async function rootsGroup(
  context: Context,
  info: Docker.ContainerInspectInfo | undefined,
  container: string,
): Promise<number | undefined> {
  if (!(await context.engine.facts()).remapped) return 0;
  const pid = info?.State.Pid ?? 0;
  if (!isProcessOf(pid, container)) return undefined;
  const mapped = /^ *0 +([0-9]+) /m.exec(readFileSync(`/proc/${pid}/gid_map`, 'utf8'))?.[1];
  return mapped === undefined ? undefined : Number(mapped);
}
