import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { applyLimits, limitFiles, noHugePages } from '../../cgroups/limits.ts';
import {
  CGROUP_ROOT,
  freeze,
  isFrozen,
  isPopulated,
  killCgroup,
  removeCgroup,
  until,
} from '../../cgroups/tree.ts';
import { SliverdError } from '../../errors.ts';
import { abortFuse } from '../../kernel/fuse.ts';
import { isMountPoint } from '../../kernel/mounts.ts';
import { keepFile } from '../../kernel/whole-file.ts';
import { hostName } from '../../slivers/names.ts';
import { kernelName, type SliverRecord, UIDS_PER_SLIVER, uidBase } from '../../slivers/record.ts';
import type { Environment, Step } from '../environment.ts';
import { deviceNodes } from './devices.ts';
import { guestFiles } from './guest-files.ts';
import type { Context } from './index.ts';
import { initLog } from './init-log.ts';
import { INITSCRIPT, loginTemplate, ociSpec, SFTP_INSIDE } from './oci-spec.ts';
import { makeLayer, mountRoot, unmountRoot } from './root.ts';
import { removeRunRecord, touchRunRecord, writeRunRecord } from './run-record.ts';
import { UserNamespaces } from './user-namespaces.ts';

/** Milliseconds that sessions have to say goodbye. */
const SESSIONS_WITHIN = 1000;
const INIT = '/usr/bin/catatonit';

/** Where what the node runs for a sliver's sessions by ssh is counted (access/door/privileged/pam_sliver.c). */
export const sessionsOf = (cgroup: string) => `${cgroup}-access`;

/** The steps of every phase, in order. The undo of a start that fails anywhere is `stop`, which finds what there is. */
export function namespaceSteps(context: Context): Environment['phases'] {
  const { paths, cgroups, crun, disks } = context;
  const userNamespaces = new UserNamespaces();
  const step = (name: string, doing: string, act: Step['act']): Step => ({ name, doing, act });
  const cgroup = (sliver: SliverRecord) => cgroups.of(kernelName(sliver.id));
  /** Of those who are logged in by ssh (access/door/). */
  const sessions = (sliver: SliverRecord) => sessionsOf(cgroup(sliver));
  const folder = (sliver: SliverRecord) => paths.sliverRun(sliver.id);
  // Made by the ssh front door, where there is one.
  const sftp = () => `${paths.access}/sftp`;
  const rootPaths = (sliver: SliverRecord) => ({
    lower: `${folder(sliver)}/lower`,
    root: `${folder(sliver)}/root`,
  });
  const limits = (sliver: SliverRecord) => {
    const device = cgroups.controllers.has('io') ? disks.device(sliver) : undefined;
    const files = limitFiles(sliver.rspec, cgroups.controllers, device);
    // crun gives the cgroup to root inside, who can take `ro` off its mount: a tree of cgroups below, deeper than a path
    // can be long, could never be removed.
    const noPages = cgroups.controllers.has('hugetlb') ? noHugePages(cgroup(sliver)) : [];
    return [['cgroup.max.descendants', '0'], ...noPages, ...files] as [string, string][];
  };
  const unmount = (sliver: SliverRecord) => {
    unmountRoot(rootPaths(sliver));
    disks.close(sliver.id);
  };
  const frozen = async (sliver: SliverRecord, wanted: boolean) => {
    await freeze(cgroup(sliver), wanted);
    touchRunRecord(folder(sliver));
  };
  const connect = (sliver: SliverRecord) =>
    context.network.attach(sliver.id, crun.initOf(folder(sliver)) ?? 0, context.networkLimits(sliver));
  const openSocket = async (sliver: SliverRecord) => {
    await context.insideSocket?.open(sliver, `${folder(sliver)}/inside`, uidBase(sliver.id));
  };
  /** Told at a login, with the daemon or without (access/door/privileged/enter.c): seconds since 1970, 0: never. */
  const noteEnd = async ({ id, expiresAt }: SliverRecord) =>
    keepFile(`${paths.sliverRun(id)}/ends`, `${Math.floor((expiresAt ?? 0) / 1000)}\n`);
  const profileOf = (sliver: SliverRecord) => {
    const profile = context.profiles.get(sliver.profile);
    if (profile) return profile;
    throw new SliverdError('bad-profile', `there is no kernel profile '${sliver.profile}' on this node`);
  };

  return {
    provision: [step('disk', 'making the disk', (sliver) => disks.make(sliver))],

    start: [
      step('folder', 'making its folder', async (sliver) => {
        mkdirSync(`${folder(sliver)}/inside`, { recursive: true, mode: 0o711 });
        chmodSync(`${folder(sliver)}/inside`, 0o755);
        writeFileSync(`${folder(sliver)}/inside/init`, '', { mode: 0o755 });
        if (existsSync(sftp())) mkdirSync(`${folder(sliver)}/inside/sftp`, { recursive: true, mode: 0o755 });
        const script = `${folder(sliver)}/inside/${INITSCRIPT.name}`;
        rmSync(script, { force: true });
        if (sliver.initscript === null) return;
        // Ours, and run by its group, which is root inside: a guest can take `ro` off its mount of this folder, and what
        // it owned there it could grow until the node's run directory is full.
        writeFileSync(script, sliver.initscript, { mode: 0o700 });
        chownSync(script, 0, uidBase(sliver.id));
        chmodSync(script, 0o750);
      }),
      step('manager', "opening its manager's socket", openSocket),
      step('root', 'mounting its root', async (sliver) => {
        const ids = userNamespaces.of(sliver.id); // comes up meanwhile
        const disk = await disks.open(sliver);
        const layer = makeLayer(disk, uidBase(sliver.id), guestFiles(sliver));
        if (!existsSync(context.imageRoot(sliver.imageDigest)))
          throw new SliverdError(
            'not-found',
            `its image '${sliver.imageName}' is gone from this node's disk: have it anew from where it came (sliverctl image)`,
          );
        mountRoot(context.imageRoot(sliver.imageDigest), layer, await ids, rootPaths(sliver));
      }),
      step('cgroup', 'setting limits', async (sliver) => {
        mkdirSync(cgroup(sliver), { recursive: true });
        applyLimits(cgroup(sliver), limits(sliver));
        boundSessions(sessions(sliver), cgroups.controllers);
      }),
      step('run', 'making its namespaces and starting its init', async (sliver) => {
        if (!isMountPoint(rootPaths(sliver).root)) return unmount(sliver); // it runs: it was given its root
        const config = ociSpec({
          hostname: hostName(sliver.name),
          rootPath: rootPaths(sliver).root,
          initPath: INIT,
          insidePath: `${folder(sliver)}/inside`,
          openFilesMax: context.openFilesMax,
          cgroupPath: cgroup(sliver).slice(CGROUP_ROOT.length),
          uidBase: uidBase(sliver.id),
          userNamespacePath: `/proc/${process.pid}/fd/${await userNamespaces.of(sliver.id)}`,
          profile: profileOf(sliver),
          binds: existsSync(sftp()) ? [{ source: sftp(), destination: SFTP_INSIDE, readOnly: true }] : [],
          deviceNodes: await deviceNodes(profileOf(sliver), paths.devices),
        });
        writeFileSync(`${folder(sliver)}/config.json`, JSON.stringify(config));
        writeFileSync(`${folder(sliver)}/login.json`, loginTemplate(config), { mode: 0o600 });
        const output = initLog(context, sliver).begin();
        try {
          await crun.delete(kernelName(sliver.id)); // of an attempt that was cut short
          await crun.run(kernelName(sliver.id), folder(sliver), output);
        } finally {
          closeSync(output);
          userNamespaces.close(sliver.id);
        }
        const pid = crun.initOf(folder(sliver));
        // crun returns a moment before the init is itself, and until then nothing may enter beside it.
        await until(() => isInit(pid), 10_000, 'its init to start');
        unmount(sliver); // the container has what it needs
      }),
      step('network', 'connecting it', connect),
      step('end', 'noting when it ends', noteEnd),
      step('initscript', 'running its initscript', async (sliver) => {
        if (sliver.initscript !== null) await runInitscript(context, sliver);
        const pid = crun.initOf(folder(sliver)) ?? 0;
        // From here on it counts as running: everything before is cut short and done again.
        writeRunRecord(folder(sliver), { run: sliver.run, disk: sliver.disk, pid });
      }),
    ],

    apply: [
      step('manager', "opening its manager's socket", openSocket),
      step('network', 'connecting it', connect),
      step('end', 'noting when it ends', noteEnd),
      step('limits', 'setting limits', async (sliver, log) => {
        const written = applyLimits(cgroup(sliver), limits(sliver));
        if (written.length) log.info({ written }, 'limits changed');
        disks.check(sliver, (contents) => initLog(context, sliver).shorten(contents));
      }),
    ],

    freeze: [step('freeze', 'freezing', (sliver) => frozen(sliver, true))],
    thaw: [step('thaw', 'thawing', (sliver) => frozen(sliver, false))],

    stop: [
      step('terminate', 'asking its processes to end', async (sliver) => {
        rmSync(`${folder(sliver)}/login.json`, { force: true }); // nobody comes in any more, and sessions know why they end
        await terminate(context, cgroup(sliver), folder(sliver));
      }),
      step('kill', 'ending its processes', (sliver) =>
        killCgroup(cgroup(sliver), () => abortFuse(uidBase(sliver.id), UIDS_PER_SLIVER)),
      ),
      step('sessions', 'ending its sessions', async (sliver) => {
        const gone = () => !existsSync(sessions(sliver)) || !isPopulated(sessions(sliver));
        // Each tells its person and ends; those that only forward don't notice.
        await until(gone, SESSIONS_WITHIN, 'its sessions to end').catch(() => {});
        await killCgroup(sessions(sliver));
      }),
      step('manager', "closing its manager's socket", async (sliver) => context.insideSocket?.close(sliver)),
      step('forget', 'forgetting its namespaces', async (sliver) => {
        removeRunRecord(folder(sliver));
        await crun.delete(kernelName(sliver.id));
        userNamespaces.close(sliver.id); // of a start that did not get as far as the container
      }),
      step('disconnect', 'disconnecting it', (sliver) => context.network.detach(sliver.id)),
      step('unmount', 'unmounting', async (sliver) => {
        unmount(sliver);
      }),
      step('clear', 'removing its cgroup', async (sliver) => {
        removeCgroup(cgroup(sliver));
        removeCgroup(sessions(sliver));
        // A mount that was still there must stop this, not be emptied by it.
        const { root, lower } = rootPaths(sliver);
        for (const path of [root, lower, disks.mountPoint(sliver.id)]) if (existsSync(path)) rmdirSync(path);
        rmSync(folder(sliver), { recursive: true, force: true });
      }),
    ],

    discard: [step('discard', 'removing its old disk', (sliver) => disks.discard(sliver))],
  };
}

/** sshd's processes of a slice's sessions and their login shells, 3 MB or less together for each, whatever the sliver itself may have. */
function boundSessions(cgroup: string, controllers: ReadonlySet<string>): void {
  mkdirSync(cgroup, { recursive: true });
  if (controllers.has('pids')) writeFileSync(`${cgroup}/pids.max`, '2048');
  if (controllers.has('memory')) writeFileSync(`${cgroup}/memory.max`, String(768 * 2 ** 20));
}

/** Whether crun's own process has become the sliver's init. */
function isInit(pid: number | undefined): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'init';
  } catch {
    throw new SliverdError('kernel', 'its init ended at once');
  }
}

async function runInitscript(context: Context, sliver: SliverRecord): Promise<void> {
  const folder = context.paths.sliverRun(sliver.id);
  const config = JSON.parse(readFileSync(`${folder}/config.json`, 'utf8'));
  const process = {
    ...config.process,
    args: ['/bin/sh', '-c', `(${INITSCRIPT.command}); echo "[initscript: exit status $?]"`],
  };
  const output = initLog(context, sliver).begin();
  try {
    await context.crun.execDetached(kernelName(sliver.id), `${folder}/initscript.json`, process, output);
  } finally {
    closeSync(output);
  }
}

/** What a shutdown does: ask all, wait a little, and leave the rest to `kill`. Frozen processes can't hear it. */
async function terminate(context: Context, cgroup: string, folder: string): Promise<void> {
  const init = context.crun.initOf(folder);
  if (init === undefined) return; // it never got that far
  if (isFrozen(cgroup) || context.stopGraceSeconds === 0) return;
  const others = () => processes(cgroup).filter((pid) => pid !== init);
  for (const pid of others()) {
    try {
      process.kill(pid, 'SIGTERM');
    } catch {
      // ended meanwhile
    }
  }
  await until(() => others().length === 0, context.stopGraceSeconds * 1000, 'its processes to end').catch(
    () => {},
  );
}

function processes(cgroup: string): number[] {
  try {
    const below = readdirSync(cgroup, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap((entry) => processes(`${cgroup}/${entry.name}`));
    const here = readFileSync(`${cgroup}/cgroup.procs`, 'utf8').split('\n').filter(Boolean).map(Number);
    return [...here, ...below];
  } catch {
    return [];
  }
}
