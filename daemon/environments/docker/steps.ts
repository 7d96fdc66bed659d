import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import type { Logger } from 'pino';
import { pack } from 'tar-stream';
import { readCgroup } from '../../cgroups/files.ts';
import { applyLimits, limitFiles } from '../../cgroups/limits.ts';
import { SliverdError } from '../../errors.ts';
import type { SliverRecord } from '../../slivers/record.ts';
import type { Environment, Step } from '../environment.ts';
import { boundQuota } from '../project-quota.ts';
import { adoptConfiguration } from './adopt.ts';
import { cgroupOf, isProcessOf } from './cgroup.ts';
import { createContainer, inspect, listContainers, removeContainer, wantedContainer } from './containers.ts';
import { imageReference } from './images.ts';
import type { Context } from './index.ts';
import { runInitscript } from './initscript.ts';
import { makeInside, openSocket, removeInside } from './inside.ts';
import { layerOf } from './layer.ts';
import { changedLimits, engineLimits } from './limits.ts';
import { containerName, diskReference, UNFINISHED } from './names.ts';
import { connect } from './network.ts';

/** The steps of every phase. A container stands for a writable layer: start and stop leave it, discard removes it. */
export function dockerSteps(context: Context): Environment['phases'] {
  const { engine, runs } = context;
  const step = (name: string, doing: string, act: Step['act']): Step => ({ name, doing, act });
  const container = async (sliver: SliverRecord, docker: Docker) =>
    docker.getContainer((await wantedContainer(context, sliver)).container);

  return {
    provision: [
      step('image', 'handing the image to the Docker engine', (sliver) =>
        context.images.ensure(sliver.imageDigest, context.imageRoot(sliver.imageDigest)),
      ),
      step('container', 'making its container', async (sliver) => {
        makeInside(context, sliver);
        await provision(context, sliver);
        removeInside(context, sliver); // it comes back with each start
      }),
    ],

    start: [
      step('configure', 'setting what it may do', async (sliver) => {
        makeInside(context, sliver);
        await adoptConfiguration(context, sliver);
      }),
      step('run', 'starting its init', async (sliver) => {
        await engine.call(
          `starting ${sliver.name}`,
          async (docker) => (await container(sliver, docker)).start(),
          [304],
        );
      }),
      step('manager', "opening its manager's socket", (sliver) => openSocket(context, sliver)),
      step('network', 'connecting it', (sliver) => connect(context, sliver)),
      step('limits', 'setting limits', (sliver, log) => apply(context, sliver, log)),
      step('initscript', 'running its initscript', async (sliver, log) => {
        const found = await wantedContainer(context, sliver);
        if (sliver.initscript !== null) await runInitscript(context, found.container, sliver.initscript, log);
        const startedAt = (await inspect(context, found.container))?.State.StartedAt ?? '';
        // From here on it counts as running: everything before is cut short and done again.
        runs.write(sliver.id, { run: sliver.run, container: found.container, startedAt });
      }),
    ],

    apply: [
      step('manager', "opening its manager's socket", (sliver) => openSocket(context, sliver)),
      step('network', 'connecting it', (sliver) => connect(context, sliver)),
      step('limits', 'setting limits', (sliver, log) => apply(context, sliver, log)),
    ],

    freeze: [
      step('freeze', 'freezing', async (sliver) => {
        const what = `pausing ${sliver.name}`;
        await engine
          .call(what, async (docker) => (await container(sliver, docker)).pause())
          .catch((error) => {
            if (!/already paused/.test(error.message)) throw error;
          });
        runs.touch(sliver.id);
      }),
    ],
    thaw: [
      step('thaw', 'thawing', async (sliver) => {
        const what = `unpausing ${sliver.name}`;
        await engine
          .call(what, async (docker) => (await container(sliver, docker)).unpause())
          .catch((error) => {
            if (!/not paused/.test(error.message)) throw error;
          });
        runs.touch(sliver.id);
      }),
    ],

    stop: [
      step('terminate', 'asking its processes to end', (sliver) => terminate(context, sliver)),
      step('kill', 'ending its processes', async (sliver) => {
        for (const found of await active(context, sliver)) {
          await engine.call(
            `killing ${found.name}`,
            async (docker) => {
              await docker.getContainer(found.container).kill({ signal: 'SIGKILL' });
            },
            [404, 409],
          );
          await engine.call(
            `waiting for ${found.name} to end`,
            (docker) => docker.getContainer(found.container).wait({ condition: 'not-running' }),
            [404],
          );
        }
      }),
      step('manager', "closing its manager's socket", async (sliver) => {
        context.insideSocket?.close(sliver);
        context.socketless.delete(sliver.name);
      }),
      step('forget', 'forgetting its run', async (sliver) => {
        runs.remove(sliver.id);
        removeInside(context, sliver);
      }),
      step('disconnect', 'disconnecting it', (sliver) => context.network.detach(sliver.id)),
    ],

    discard: [
      step('discard', 'removing its old containers', async (sliver) => {
        const keep = sliver.desired === 'deleted' ? undefined : sliver.disk;
        const unwanted = (await listContainers(context, sliver.id)).filter(
          ({ whole, disk }) => !whole || disk !== keep,
        );
        for (const found of unwanted) await removeContainer(context, found.container);
        await settled(context, sliver, keep);
        for (const disk of new Set(unwanted.map((found) => found.disk)))
          await context.images.remove(diskReference(context.node, sliver.id, disk));
        if (sliver.desired === 'deleted') removeInside(context, sliver);
      }),
    ],
  };
}

async function active(context: Context, sliver: SliverRecord) {
  return (await listContainers(context, sliver.id)).filter((found) => found.active);
}

/** A removal may go on in the engine after it answered (409: under way already). */
async function settled(context: Context, sliver: SliverRecord, keep: number | undefined): Promise<void> {
  for (let pause = 20; pause < 3000; pause *= 1.5) {
    const left = (await listContainers(context, sliver.id)).filter(
      ({ whole, disk }) => !whole || disk !== keep,
    );
    if (left.length === 0) return;
    await sleep(pause);
  }
  throw new SliverdError(
    'host-tool',
    `the Docker engine does not finish removing containers of ${sliver.name}`,
  );
}

/** The container under its unfinished name, then who the sliver is, then the name that makes it whole. */
async function provision(context: Context, sliver: SliverRecord): Promise<void> {
  const { engine } = context;
  for (const found of await listContainers(context, sliver.id)) {
    if (found.whole && found.disk === sliver.disk) return;
    if (!found.whole) await removeContainer(context, found.container);
  }
  const name = containerName(context.node, sliver.id, sliver.disk);
  const image = imageReference(sliver.imageDigest);
  const id = await createContainer(context, sliver, { name: name + UNFINISHED, image });
  const files = pack();
  files.entry({ name: 'etc/slicename', mode: 0o644 }, `${sliver.name}\n`);
  files.finalize();
  await engine.call(`writing /etc/slicename of ${sliver.name}`, (docker) =>
    docker.getContainer(id).putArchive(files as unknown as NodeJS.ReadableStream, { path: '/' }),
  );
  await engine.call(`naming the container ${name}`, (docker) => docker.getContainer(id).rename({ name }));
}

/** Limits by the engine first, then what its API lacks by the quota and the cgroup themselves, where they are in sight. */
async function apply(context: Context, sliver: SliverRecord, log: Logger): Promise<void> {
  const { engine } = context;
  const found = await wantedContainer(context, sliver);
  const info = await inspect(context, found.container);
  const facts = await engine.facts();
  const changes = changedLimits(engineLimits(sliver.rspec, facts), { ...info?.HostConfig });
  if (Object.keys(changes).length > 0) {
    await engine.call(`changing the limits of ${sliver.name}`, (docker) =>
      docker.getContainer(found.container).update(changes),
    );
    log.info({ changed: Object.keys(changes) }, 'limits changed');
  }
  const layer = layerOf(info);
  if (layer && facts.storage.quota) boundQuota(layer.upper, sliver);
  const cgroup = cgroupOf(info?.State.Pid ?? 0);
  engine.limitFiles = cgroup ? new Set(readdirSync(cgroup)) : null;
  if (!cgroup) return;
  const controllers = new Set((readCgroup(`${cgroup}/cgroup.controllers`) ?? '').split(' ').filter(Boolean));
  const device = layer && facts.storage.device;
  const written = applyLimits(cgroup, limitFiles(sliver.rspec, controllers, device));
  if (written.length > 0) log.info({ written }, 'limits written beside the engine');
}

/** What a shutdown does: ask all but the init, wait a little, and leave the rest to `kill`. */
async function terminate(context: Context, sliver: SliverRecord): Promise<void> {
  if (context.stopGraceSeconds === 0) return;
  for (const found of await active(context, sliver)) {
    const info = await inspect(context, found.container);
    if (!info?.State.Running || info.State.Paused) continue;
    const top = await context.engine.call(
      `listing the processes of ${sliver.name}`,
      (docker) => docker.getContainer(found.container).top({ ps_args: '-o pid' }),
      [404, 409, 500],
    );
    const pids = ((top?.Processes ?? []) as string[][])
      .map(([pid]) => Number(pid))
      .filter((pid) => pid !== info.State.Pid && isProcessOf(pid, found.container));
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGTERM');
      } catch {
        // ended meanwhile
      }
    }
    const deadline = performance.now() + context.stopGraceSeconds * 1000;
    for (let pause = 5; performance.now() < deadline; pause = Math.min(pause * 1.5, 100)) {
      if (!pids.some((pid) => isProcessOf(pid, found.container))) break;
      await sleep(pause);
    }
  }
}
