import { createHash } from 'node:crypto';
import type Docker from 'dockerode';
import { SliverdError } from '../../errors.ts';
import { hostName } from '../../slivers/names.ts';
import type { SliverRecord } from '../../slivers/record.ts';
import type { Observed } from '../environment.ts';
import { isProcessOf } from './cgroup.ts';
import { type Confinement, confine } from './confinement.ts';
import type { Context } from './index.ts';
import { putUnderQuota } from './layer.ts';
import { engineLimits } from './limits.ts';
import { INSIDE, insideFolder, LABEL, NEXT, UNFINISHED } from './names.ts';

const INIT = '/usr/bin/catatonit';

/** One container of a sliver: its writable layer of one generation, and what runs on it. */
export interface Found {
  readonly container: string;
  readonly name: string;
  readonly disk: number;
  readonly whole: boolean;
  readonly active: boolean;
}

/** All containers of this node, or of one of its slivers. */
export async function listContainers(context: Context, id?: number): Promise<(Found & { id: number })[]> {
  const label = [`${LABEL.node}=${context.node}`, id === undefined ? LABEL.id : `${LABEL.id}=${id}`];
  const all = await context.engine.call('listing containers', (docker) =>
    docker.listContainers({ all: true, filters: JSON.stringify({ label }) }),
  );
  const named = (all ?? []).map((info) => ({ info, name: (info.Names[0] ?? '').replace(/^\//, '') }));
  const names = new Set(named.map(({ name }) => name));
  return named.map(({ info, name }) => {
    const superfluous =
      name.endsWith(UNFINISHED) || (name.endsWith(NEXT) && names.has(name.slice(0, -NEXT.length)));
    return {
      container: info.Id,
      name,
      id: Number(info.Labels[LABEL.id]),
      disk: Number(info.Labels[LABEL.disk]),
      whole: !superfluous && !['removing', 'dead'].includes(info.State),
      active: ['running', 'paused', 'restarting'].includes(info.State),
    };
  });
}

/** The container of the sliver's wanted generation. Throws `wrong-state` when there is none. */
export async function wantedContainer(context: Context, sliver: SliverRecord): Promise<Found> {
  const found = (await listContainers(context, sliver.id)).find(
    ({ whole, disk }) => whole && disk === sliver.disk,
  );
  if (found) return found;
  throw new SliverdError('wrong-state', `${sliver.name} has no container of its disk ${sliver.disk}`);
}

export async function observe(context: Context, sliver: SliverRecord): Promise<Observed> {
  const found = await listContainers(context, sliver.id);
  const disks = found.filter(({ whole }) => whole).map(({ disk }) => disk);
  const rest = { disks, debris: found.some(({ whole }) => !whole) };
  const [running, ...more] = found.filter(({ active }) => active);
  const noted = context.runs.read(sliver.id);
  if (!running) return { container: noted ? 'partial' : 'absent', ...rest };
  const info = await inspect(context, running.container);
  const same = noted?.container === info?.Id && noted?.startedAt === info?.State.StartedAt;
  if (more.length > 0 || !running.whole || !info?.State.Running || !noted || !same)
    return { container: 'partial', ...rest };
  return {
    container: info.State.Paused ? 'frozen' : 'running',
    run: noted.run,
    disk: running.disk,
    pid: info.State.Pid,
    since: noted.since,
    ...rest,
  };
}

/** The init of the one that runs, where the engine's processes are in sight. */
export async function initOf(context: Context, sliver: SliverRecord): Promise<number | undefined> {
  const found = (await listContainers(context, sliver.id)).find(({ active }) => active);
  const pid = (found && (await inspect(context, found.container)))?.State.Pid ?? 0;
  return found && isProcessOf(pid, found.container) ? pid : undefined;
}

/** What the engine knows of a container; undefined when it is gone. */
export function inspect(
  context: Context,
  container: string,
): Promise<Docker.ContainerInspectInfo | undefined> {
  return context.engine.call(
    `inspecting ${container}`,
    (docker) => docker.getContainer(container).inspect(),
    [404],
  );
}

/** Removes a container and its layer, running or not; one that is gone, or on its way, is no error. */
export async function removeContainer(context: Context, container: string): Promise<void> {
  await context.engine.call(
    `removing the container ${container}`,
    (docker) => docker.getContainer(container).remove({ force: true, v: true }),
    [404, 409],
  );
}

/** Makes a container of the wanted generation under a name that isn't its last; returns its id. */
export async function createContainer(
  context: Context,
  sliver: SliverRecord,
  { name, image }: { name: string; image: string },
): Promise<string> {
  const options = await containerOptions(context, sliver, name, image);
  const made = await context.engine.call(`making the container ${name}`, (docker) =>
    docker.createContainer(options),
  );
  const info = await inspect(context, made?.id ?? name);
  if (info) putUnderQuota(await context.engine.facts(), info, sliver);
  return made?.id ?? name;
}

async function containerOptions(
  context: Context,
  sliver: SliverRecord,
  name: string,
  image: string,
): Promise<Docker.ContainerCreateOptions & { HostConfig: Docker.HostConfig }> {
  const facts = await context.engine.facts();
  const host = hostName(sliver.name);
  return {
    name,
    Image: image,
    Hostname: host,
    User: '0:0',
    WorkingDir: '/',
    Entrypoint: [`${INSIDE}/init`],
    Cmd: ['-P'],
    Env: Object.entries(LOGIN_ENV).map(([key, value]) => `${key}=${value}`),
    Healthcheck: { Test: ['NONE'] },
    NetworkDisabled: false,
    Labels: {
      [LABEL.node]: context.node,
      [LABEL.id]: String(sliver.id),
      [LABEL.disk]: String(sliver.disk),
      [LABEL.configuration]: await configurationOf(context, sliver),
    },
    HostConfig: {
      ...engineLimits(sliver.rspec, facts),
      ...(await confinementOf(context, sliver)),
      ...cgroupParent(context.cgroupParent, facts.cgroupDriver),
      CgroupnsMode: 'private',
      IpcMode: 'private',
      NetworkMode: 'none',
      ExtraHosts: [`${host}:127.0.1.1`],
      RestartPolicy: { Name: 'no' },
      OomScoreAdj: 100,
      Binds: [`${insideFolder(context, sliver.id)}:${INSIDE}:ro`, `${INIT}:${INSIDE}/init:ro`],
      Tmpfs: {
        '/run': 'rw,exec,nosuid,nodev,mode=755,size=10%',
        '/run/lock': 'rw,nosuid,nodev,mode=1777,size=5m',
      },
      // Bounds what a guest writes to its init's output; read back by log.ts.
      LogConfig: { Type: 'json-file', Config: { 'max-size': '512k', 'max-file': '2' } },
    } as Docker.HostConfig,
  };
}

async function confinementOf(context: Context, sliver: SliverRecord): Promise<Confinement> {
  const profile = context.profiles.get(sliver.profile);
  if (!profile)
    throw new SliverdError('bad-profile', `there is no kernel profile '${sliver.profile}' on this node`);
  return confine(profile, (await context.engine.facts()).remapped).confinement;
}

/** A digest of all that never changes on a container, but in what a record and the engine's storage ask for. */
export async function configurationOf(context: Context, sliver: SliverRecord): Promise<string> {
  const { storage } = await context.engine.facts();
  const folder = insideFolder(context, sliver.id);
  const text = JSON.stringify([await confinementOf(context, sliver), storage.quota, folder]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Of the init, and so of every process inside. */
export const LOGIN_ENV = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LANG: 'C.UTF-8',
  container: 'sliverd',
} as const;

/** With the systemd driver a parent is a slice by its last name; a service can't be one. */
function cgroupParent(parent: string | undefined, driver: string): { CgroupParent?: string } {
  if (!parent) return {};
  if (driver !== 'systemd') return { CgroupParent: parent };
  const slice = parent.split('/').findLast((part) => part.endsWith('.slice'));
  return slice ? { CgroupParent: slice } : {};
}
