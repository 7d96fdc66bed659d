import { existsSync, readdirSync, statSync } from 'node:fs';
import type Docker from 'dockerode';
import type { SliverRecord } from '../../slivers/record.ts';
import { boundQuota, countTowards } from '../project-quota.ts';
import type { EngineFacts } from './engine.ts';

/**
 * Where a container's files are on the node, by overlay2's own account: what it writes, overlayfs's work beside it.
 * Undefined where this daemon doesn't see them: another storage driver, or an engine in a mount namespace of its own.
 */
export function layerOf(info?: Docker.ContainerInspectInfo): { upper: string; work: string } | undefined {
  const { UpperDir: upper, WorkDir: work } = (info?.GraphDriver?.Data ?? {}) as Record<string, string>;
  return upper && work && existsSync(upper) && existsSync(work) ? { upper, work } : undefined;
}

/**
 * Puts a new container's files under the sliver's project quota, which bounds bytes and inodes; the engine's own bound
 * is of bytes, by few storage drivers, and for ever. Its folder of the container counts as well: the files that it
 * binds into /etc are there, and a guest can write to them. Done before anything of a guest is in any of these.
 */
export function putUnderQuota(
  facts: EngineFacts,
  info: Docker.ContainerInspectInfo,
  sliver: SliverRecord,
): void {
  const layer = layerOf(info);
  if (!layer || !facts.storage.quota) return;
  const own = `${facts.storage.root}/containers/${info.Id}`;
  const here = statSync(layer.upper).dev;
  for (const path of [layer.upper, layer.work, own]) if (statSync(path).dev === here) mark(path, sliver);
  boundQuota(layer.upper, sliver);
}

/** overlayfs refuses to move between projects: what is in its work directory must count like what is above. */
function mark(path: string, sliver: SliverRecord): void {
  countTowards(path, sliver);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) mark(`${path}/${entry.name}`, sliver);
    else if (entry.isFile()) countTowards(`${path}/${entry.name}`, sliver);
  }
}
