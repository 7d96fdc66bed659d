import {
  existsSync,
  type FSWatcher,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  watch as watchFile,
} from 'node:fs';
import type { Logger } from 'pino';
import type { NetworkLimits } from '../../../netns/network-limits.ts';
import type { SliverNetwork } from '../../../netns/sliver-network.ts';
import { type CgroupTree, isFrozen, isPopulated, killCgroup, removeCgroup } from '../../cgroups/tree.ts';
import { cgroupUsage, sessionUsage } from '../../cgroups/usage.ts';
import { abortFuse } from '../../kernel/fuse.ts';
import { mounts } from '../../kernel/mounts.ts';
import { openFilesMax } from '../../kernel/open-files.ts';
import { detachMount } from '../../kernel/syscalls.ts';
import type { NodePaths } from '../../node/paths.ts';
import { kernelName, type SliverRecord, UIDS_PER_SLIVER, uidBase } from '../../slivers/record.ts';
import type { DayUsage, Environment, Observed } from '../environment.ts';
import type { InsideSocket } from '../inside-socket.ts';
import type { KernelProfile } from '../profiles.ts';
import { hasProjectQuota } from '../project-quota.ts';
import { Crun } from './crun.ts';
import { Disks } from './disks/disks.ts';
import { canGrowMounted, loopDisk } from './disks/loop.ts';
import { quotaDisk } from './disks/quota.ts';
import { execInside, hangUpLost } from './exec.ts';
import { initLog } from './init-log.ts';
import { liveRunRecord } from './run-record.ts';
import { namespaceSteps, sessionsOf } from './steps.ts';

export interface NamespacesOptions {
  readonly paths: NodePaths;
  readonly cgroups: CgroupTree;
  readonly profiles: ReadonlyMap<string, KernelProfile>;
  /** Directory of an image's tree, by digest. */
  imageRoot(digest: string): string;
  readonly network: SliverNetwork;
  /** What a sliver may have of it now. */
  networkLimits(sliver: SliverRecord): NetworkLimits;
  /** What it has had of today. */
  networkDay(sliver: SliverRecord): DayUsage | undefined;
  /** None where nobody serves slivers. */
  readonly insideSocket?: InsideSocket;
  readonly stopGraceSeconds: number;
  readonly log: Logger;
}

/** What the steps and the readers of this environment share. */
export interface Context extends NamespacesOptions {
  readonly crun: Crun;
  readonly disks: Disks;
  /** This process's hard limit of open files. */
  readonly openFilesMax: number;
}

/**
 * The environment `namespaces`: crun makes the namespaces, the daemon the file system and the limits. Nothing of ours
 * stays beside a sliver but its init; what the daemon must know of it is in the kernel and in `<run>/slivers/<id>`.
 */
export function namespacesEnvironment(options: NamespacesOptions): Environment {
  const { paths, cgroups } = options;
  mkdirSync(paths.slivers, { recursive: true, mode: 0o711 });
  mkdirSync(paths.sliverRuns, { recursive: true, mode: 0o711 });
  const disks = new Disks(paths, hasProjectQuota(paths.slivers) ? quotaDisk : loopDisk);
  const growsLater = disks.kind === loopDisk && !canGrowMounted() ? [GROWS_LATER] : [];
  const context: Context = { ...options, crun: new Crun(paths.crun), disks, openFilesMax: openFilesMax() };

  return {
    name: 'namespaces',
    get degraded() {
      return [...options.network.degraded, ...growsLater];
    },
    phases: namespaceSteps(context),
    observe: async (sliver) => observe(context, sliver),
    async usage(sliver) {
      const disk = disks.usage(sliver);
      const day = options.networkDay(sliver);
      const sessions = sessionUsage(sessionsOf(cgroups.of(kernelName(sliver.id))));
      return {
        ...cgroupUsage(cgroups.of(kernelName(sliver.id))),
        ...(disk ? { diskBytes: disk.bytes, diskInodes: disk.inodes } : {}),
        ...(sessions ? { sessions } : {}),
        network: { ...(await options.network.usage(sliver.id)), ...(day ? { day } : {}) },
      };
    },
    cgroup: (sliver) => cgroups.of(kernelName(sliver.id)),
    init: async (sliver) => liveRunRecord(paths.sliverRun(sliver.id))?.pid,
    exec: (sliver, request) => execInside(context, sliver, request),
    log: async (sliver) => initLog(context, sliver).read(),
    watch: (sliver, changed) => watchCgroup(cgroups.of(kernelName(sliver.id)), changed),
    sweep: (known) => sweep(context, known),
    async close() {},
  };
}

const GROWS_LATER = {
  what: 'disks that grow while they are in use',
  why: 'the daemon lacks CAP_SYS_RESOURCE',
  cost: "A larger disk.bytes takes effect at the sliver's next start.",
};

function observe(context: Context, sliver: SliverRecord): Observed {
  const disks = context.disks.observe(sliver.id);
  const cgroup = context.cgroups.of(kernelName(sliver.id));
  const run = context.paths.sliverRun(sliver.id);
  const record = liveRunRecord(run);
  if (!record || !isPopulated(cgroup)) {
    const left = existsSync(cgroup) || existsSync(run) || context.crun.has(kernelName(sliver.id));
    return { container: left ? 'partial' : 'absent', ...disks };
  }
  const container = isFrozen(cgroup) ? 'frozen' : 'running';
  const { run: number, disk, pid, since } = record;
  return { container, run: number, disk, pid, since, ...disks };
}

/** The kernel tells by inotify when the last process of a cgroup is gone. */
function watchCgroup(cgroup: string, changed: () => void): () => void {
  let watcher: FSWatcher | undefined;
  try {
    watcher = watchFile(`${cgroup}/cgroup.events`, { persistent: false }, () => {
      if (!isPopulated(cgroup)) changed();
    });
    watcher.on('error', () => {});
    // It may have died before we looked.
    if (!isPopulated(cgroup)) changed();
  } catch {
    changed();
  }
  return () => watcher?.close();
}

/** Whatever is named as a sliver's but is no known sliver's: its processes, mounts, cgroup, folders. */
async function sweep(context: Context, known: ReadonlySet<number>): Promise<string[]> {
  const { paths, cgroups, crun } = context;
  const removed: string[] = [];
  const strange = (name: string) => !/^s?[0-9]+$/.test(name) || !known.has(Number(name.replace('s', '')));
  const ids = new Set<string>();
  for (const name of cgroups.children().filter((child) => /^s[0-9]+$/.test(child) && strange(child))) {
    await killCgroup(cgroups.of(name), () => abortFuse(uidBase(Number(name.slice(1))), UIDS_PER_SLIVER));
    removed.push(`cgroup ${name}`);
    ids.add(name);
  }
  for (const name of crun.list().filter(strange)) {
    await crun.delete(name);
    removed.push(`container ${name}`);
  }
  for (const name of ids) removeCgroup(cgroups.of(name));
  removed.push(...(await context.network.sweep(known)));
  for (const mount of mounts().reverse()) {
    const [, id] = new RegExp(`^${paths.sliverRuns}/([^/]+)/`).exec(mount.target) ?? [];
    if (id && strange(id) && detachMount(mount.target)) removed.push(`mount ${mount.target}`);
  }
  for (const folder of [paths.sliverRuns, paths.slivers]) {
    for (const name of readdirSync(folder).filter(strange)) {
      if (!statSync(`${folder}/${name}`).isDirectory()) continue;
      rmSync(`${folder}/${name}`, { recursive: true, force: true });
      removed.push(`folder ${folder}/${name}`);
    }
  }
  for (const id of known) removed.push(...hangUpLost(paths.sliverRun(id)));
  return removed;
}
