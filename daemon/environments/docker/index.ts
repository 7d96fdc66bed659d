import type { Logger } from 'pino';
import type { NetworkLimits } from '../../../netns/network-limits.ts';
import type { SliverNetwork } from '../../../netns/sliver-network.ts';
import type { SliverRecord } from '../../slivers/record.ts';
import type { DayUsage, Environment } from '../environment.ts';
import type { InsideSocket } from '../inside-socket.ts';
import type { KernelProfile } from '../profiles.ts';
import { cgroupOf } from './cgroup.ts';
import { initOf, listContainers, observe, removeContainer, wantedContainer } from './containers.ts';
import { degradations } from './degraded.ts';
import { Engine } from './engine.ts';
import { execInside } from './exec.ts';
import { EngineImages } from './images.ts';
import { containerLog } from './log.ts';
import { Runs } from './runs.ts';
import { dockerSteps } from './steps.ts';
import { containerUsage } from './usage.ts';
import { EngineWatch } from './watch.ts';

export interface DockerOptions {
  /** The engine's Unix socket. */
  readonly socket: string;
  /** The node's name, in labels, so that two nodes on one engine don't mix. */
  readonly node: string;
  /** Directory of an image's tree, by digest. */
  imageRoot(digest: string): string;
  /** For what a reboot may forget; the environment uses `docker/` in it. */
  readonly runDirectory: string;
  readonly profiles: ReadonlyMap<string, KernelProfile>;
  /** The cgroup of all slivers, from the root of the hierarchy. */
  readonly cgroupParent?: string;
  readonly network: SliverNetwork;
  /** What a sliver may have of it now. */
  networkLimits(sliver: SliverRecord): NetworkLimits;
  /** What it has had of today. */
  networkDay(sliver: SliverRecord): DayUsage | undefined;
  /** None where nobody serves slivers. */
  readonly insideSocket?: InsideSocket;
  readonly stopGraceSeconds?: number;
  readonly log: Logger;
}

/** What the steps and the readers of this environment share. */
export interface Context extends DockerOptions {
  readonly stopGraceSeconds: number;
  readonly engine: Engine;
  readonly images: EngineImages;
  readonly runs: Runs;
  /** Slivers that run without the manager's socket: since before there was one, or hidden from the daemon. */
  readonly socketless: Map<string, 'older' | 'hidden'>;
}

/**
 * The environment `docker`: an engine that the owner of the node runs already makes the namespaces. Its containers
 * are the writable layers; all that is noted beside them is which run of a sliver a start was. An engine that isn't
 * there fails every step with what to do, and reconciliation mends what it left when it is back.
 */
export function dockerEnvironment(options: DockerOptions): Environment {
  const engine = new Engine(options.socket);
  const watcher = new EngineWatch(engine, options.node, options.log);
  const context: Context = {
    ...options,
    imageRoot: (digest) => options.imageRoot(digest),
    networkLimits: (sliver) => options.networkLimits(sliver),
    networkDay: (sliver) => options.networkDay(sliver),
    stopGraceSeconds: options.stopGraceSeconds ?? 5,
    engine,
    images: new EngineImages(engine, options.node),
    socketless: new Map(),
    runs: new Runs(`${options.runDirectory}/docker`),
  };
  return {
    name: 'docker',
    get degraded() {
      // An engine that is back is known to who looks a second time, even when there is no sliver to ask it about.
      if (engine.trouble || !engine.known) void engine.facts(true).catch(() => {});
      return degradations(context);
    },
    phases: dockerSteps(context),
    observe: (sliver) => observe(context, sliver),
    usage: (sliver) => containerUsage(context, sliver),
    cgroup: (_sliver, pid) => cgroupOf(pid),
    init: (sliver) => initOf(context, sliver),
    exec: (sliver, request) => execInside(context, sliver, request),
    log: async (sliver) => containerLog(context, await wantedContainer(context, sliver)),
    watch: (sliver, changed) => watcher.add(sliver.id, changed),
    async sweep(known) {
      await engine.facts();
      const removed = context.runs.sweep(known);
      for (const found of await listContainers(context)) {
        if (known.has(found.id)) continue;
        await removeContainer(context, found.container);
        removed.push(`container ${found.name}`);
      }
      return [...removed, ...(await context.images.sweep())];
    },
    async close() {
      watcher.close();
    },
  };
}
