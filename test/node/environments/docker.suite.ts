import { execFileSync } from 'node:child_process';
import { constants, copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename, dirname } from 'node:path';
import Docker from 'dockerode';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeCgroup } from '../../../daemon/cgroups/tree.ts';
import { dockerEnvironment } from '../../../daemon/environments/docker/index.ts';
import type { Environment } from '../../../daemon/environments/environment.ts';
import type { InsideSocket } from '../../../daemon/environments/inside-socket.ts';
import { loadProfiles } from '../../../daemon/environments/profiles.ts';
import { callerOf } from '../../../daemon/manager/callers/connections.ts';
import { SliverSockets } from '../../../daemon/manager/callers/sockets.ts';
import type { SliverRecord } from '../../../daemon/slivers/record.ts';
import type { SliverStore } from '../../../daemon/slivers/store.ts';
import { NO_LIMITS } from '../../../netns/network-limits.ts';
import { loopbackNetwork, type SliverNetwork } from '../../../netns/sliver-network.ts';
import { sliverRecord } from '../../record.ts';
import { behaviour, eventually, execute, settle } from '../behaviour.ts';
import { scratch } from '../harness.ts';
import { smallImageDirectory } from '../image.ts';
import { sharedNetwork } from '../shared-network.ts';
import { TestEngine } from './engine.ts';
import { TestUplink } from './uplink.ts';

const folder = scratch('docker');
const cgroup = `/${folder.split('/').at(-1)}`;
const engine = new TestEngine(`${folder}/engine`);
const profiles = loadProfiles(`${import.meta.dirname}/../../../kernel-profiles`);
const imageDigest = `sha256:${'ab'.repeat(32)}`;
const log = pino({ level: 'silent' });
let image: string;

const alone = {
  network: loopbackNetwork('a test'),
  networkLimits: () => NO_LIMITS,
  networkDay: () => undefined,
};
const open = (
  node = 'test',
  socket = engine.socket,
  network: SliverNetwork = alone.network,
  more: { insideSocket?: InsideSocket } = {},
): Environment =>
  dockerEnvironment({
    socket,
    node,
    imageRoot: () => image,
    runDirectory: `${folder}/run-${node}`,
    profiles,
    cgroupParent: cgroup,
    stopGraceSeconds: 1,
    log,
    ...alone,
    network,
    ...more,
  });

/** A program of the machine's, with the libraries that it needs, into the image. */
function addProgram(path: string): void {
  copyFileSync(path, `${image}/bin/${basename(path)}`, constants.COPYFILE_EXCL);
  const libraries = execFileSync('ldd', [path], { encoding: 'utf8' }).matchAll(/(\/\S+) \(0x/g);
  for (const [, library = ''] of libraries) {
    mkdirSync(dirname(`${image}${library}`), { recursive: true });
    copyFileSync(library, `${image}${library}`);
  }
}

beforeAll(async () => {
  image = smallImageDirectory();
  for (const program of ['/usr/bin/chattr', '/usr/bin/lsattr', '/usr/bin/curl']) addProgram(program);
  await engine.start();
});
afterAll(async () => {
  await engine.stop();
  rmSync(folder, { recursive: true });
  rmSync(image, { recursive: true });
  removeCgroup(`/sys/fs/cgroup${cgroup}`);
});

behaviour('docker', async () => {
  const environment = open();
  return {
    environment,
    imageDigest,
    profile: 'standard',
    async end() {
      await environment.sweep(new Set());
      await environment.close();
    },
  };
});

sharedNetwork('docker', async () => {
  const uplink = await TestUplink.up(`${folder}/network`, cgroup);
  const environment = open('shared', engine.socket, uplink.network);
  return {
    environment,
    imageDigest,
    profile: 'standard',
    uplink,
    async end() {
      await environment.sweep(new Set());
      await environment.close();
      await uplink.down();
    },
  };
});

describe('a Docker engine that the owner runs', () => {
  const record = sliverRecord({ id: 7, name: 'test_engine', environment: 'docker', imageDigest });
  const removed = (environment: Environment) => settle(environment, { ...record, desired: 'deleted' });

  it('says what to do when there is none, in every operation', async () => {
    const environment = open('test', `${folder}/nowhere.sock`);
    const wanted = { code: 'host-tool', message: expect.stringMatching(/nowhere\.sock.*systemctl start/) };
    await expect(environment.observe(record)).rejects.toMatchObject(wanted);
    await expect(environment.exec(record, { argv: ['true'] })).rejects.toMatchObject(wanted);
    await expect(environment.sweep(new Set())).rejects.toMatchObject(wanted);
    expect(environment.degraded?.map(({ what }) => what)).toContain('docker: the engine');
    await environment.close();
  });

  it('is followed over its restart: watchers are told when it goes and when it is back, and slivers mend', async () => {
    const environment = open();
    const before = await settle(environment, record);
    await execute(environment, record, 'echo kept >/root/file');
    let changes = 0;
    const unwatch = environment.watch(record, () => {
      changes++;
    });
    await engine.stop();
    await eventually(
      async () => changes,
      (count) => count > 0,
    );
    await expect(environment.observe(record)).rejects.toMatchObject({ code: 'host-tool' });
    const down = () => environment.degraded?.some(({ what }) => what === 'docker: the engine');
    expect(down()).toBe(true);
    const seen = changes;
    await engine.start();
    await eventually(
      async () => changes,
      (count) => count > seen,
    );
    await eventually(
      async () => down(),
      (still) => !still,
    );
    const after = await settle(environment, record);
    expect(after).toMatchObject({ container: 'running', run: 1 });
    expect(after.pid).not.toBe(before.pid);
    expect((await execute(environment, record, 'cat /root/file')).stdout).toBe('kept\n');
    unwatch();
    await removed(environment);
    await environment.close();
  });

  it('is shared by two nodes, neither of which touches what is the other’s', async () => {
    const [one, two] = [open('one'), open('two')];
    await settle(one, record);
    await settle(two, record);
    await two.sweep(new Set());
    expect(await two.observe(record)).toMatchObject({ container: 'absent', disks: [] });
    expect(await one.observe(record)).toMatchObject({ container: 'running', disks: [1] });
    await removed(one);
    await one.sweep(new Set());
    await Promise.all([one.close(), two.close()]);
  });

  it('keeps the owner’s own containers and images', async () => {
    const docker = new Docker({ socketPath: engine.socket });
    const environment = open();
    await settle(environment, record);
    const { Image } = await docker.getContainer('sliverd-test-s7-d1').inspect();
    await docker.getImage(Image).tag({ repo: 'owner/image', tag: '1' });
    const theirs = await docker.createContainer({ Image: 'owner/image:1', Cmd: ['true'], name: 'theirs' });
    await environment.sweep(new Set());
    await theirs.inspect();
    await docker.getImage('owner/image:1').inspect();
    await theirs.remove();
    await docker.getImage('owner/image:1').remove();
    await environment.sweep(new Set());
    await environment.close();
  });

  it('starts anew what somebody else restarted: no one ran its initscript', async () => {
    const environment = open();
    const docker = new Docker({ socketPath: engine.socket });
    const before = await settle(environment, record);
    await docker.getContainer('sliverd-test-s7-d1').restart({ t: 0 });
    expect(await environment.observe(record)).toMatchObject({ container: 'partial' });
    const after = await settle(environment, record);
    expect(after.pid).not.toBe(before.pid);
    await removed(environment);
    await environment.close();
  });

  it('leaves no image behind when its transfer is cut short', async () => {
    const docker = new Docker({ socketPath: engine.socket });
    const bad = { ...record, imageDigest: `sha256:${'cd'.repeat(32)}` };
    const environment = dockerEnvironment({
      socket: engine.socket,
      node: 'cut',
      imageRoot: () => `${folder}/no-such-tree`,
      runDirectory: `${folder}/run-cut`,
      profiles,
      log,
      ...alone,
    });
    await expect(settle(environment, bad)).rejects.toMatchObject({ code: 'host-tool' });
    expect(await docker.listImages({ filters: JSON.stringify({ label: ['sliverd.image-of=cut'] }) })).toEqual(
      [],
    );
    await environment.close();
  });

  it('gives no capability that needs a user namespace, and says which', async () => {
    const environment = open();
    await settle(environment, record);
    const { stdout } = await execute(environment, record, 'grep CapEff /proc/self/status');
    const effective = BigInt(`0x${stdout.split(':')[1]?.trim()}`);
    const SYS_ADMIN = 21n;
    expect(effective & (1n << SYS_ADMIN)).toBe(0n);
    expect((await execute(environment, record, 'mount -t tmpfs x /tmp')).exitCode).not.toBe(0);
    const profile = environment.degraded?.find(({ what }) => what.includes("'standard'"));
    expect(profile?.why).toContain('CAP_SYS_ADMIN');
    // Of whoever has this one the node's own links are not safe: they are at the other end of his.
    const routing = environment.degraded?.find(({ what }) => what.includes("'routing'"));
    expect(routing?.why).toContain('CAP_NET_ADMIN');
    await removed(environment);
    await environment.close();
  });

  it('lets nobody take a file out of the project that bounds its disk, though without a user namespace its owner may', async () => {
    const environment = open();
    await settle(environment, record);
    const ran = (script: string) => execute(environment, record, `touch /root/file; ${script}`);
    expect(await ran('lsattr -d /root')).toMatchObject({ exitCode: 0 });
    for (const script of ['chattr -p 7 /root/file', 'chattr +d /root/file', 'chattr -p 7 /etc/hosts'])
      expect(await ran(script), script).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining('Operation not permitted'),
      });
    await removed(environment);
    await environment.close();
  });

  it("has the manager's socket in each container, which nobody in it can replace; in older ones from their next start on", async () => {
    const docker = new Docker({ socketPath: engine.socket });
    const name = 'sliverd-test-s7-d1';
    const insideSocket = new SliverSockets({
      store: { byId: () => record } as unknown as SliverStore,
      openFiles: 1024,
      denied: () => {},
      log,
    });
    const server = createServer((request, response) => response.end(callerOf(request.socket)?.name));
    insideSocket.answerBy(server);
    const environment = open('test', engine.socket, alone.network, { insideSocket });
    const ask = 'curl -sS --unix-socket /run/sliverd/manager.sock http://node/';
    await settle(environment, record);
    expect(await execute(environment, record, ask)).toMatchObject({ exitCode: 0, stdout: record.name });
    for (const script of [
      'touch /run/sliverd/x',
      'rm /run/sliverd/manager.sock',
      'chmod 666 /run/sliverd/manager.sock',
    ])
      expect(await execute(environment, record, script), script).toMatchObject({
        exitCode: 1,
        stderr: /Read-only/,
      });
    expect(environment.degraded?.map(({ what }) => what).join()).not.toContain("manager's socket");

    // A daemon that is new: the socket is another, at the same place.
    insideSocket.end();
    await settle(environment, record);
    expect((await execute(environment, record, ask)).stdout).toBe(record.name);

    // As a version before made it: without the folder, of another configuration.
    const made = await docker.getContainer(name).inspect();
    await settle(environment, { ...record, desired: 'stopped' });
    await docker.getContainer(name).remove({ force: true });
    const Binds = ['/usr/bin/catatonit:/run/sliverd/init:ro'];
    const { Image, Entrypoint, Cmd, Labels } = made.Config;
    const old = { Image, Entrypoint, Cmd, Labels: { ...Labels, 'sliverd.configuration': 'old' } };
    await docker.createContainer({ ...old, name, HostConfig: { ...made.HostConfig, Binds } } as never);
    await docker.getContainer(name).start();
    const { Id, State } = await docker.getContainer(name).inspect();
    const note = { run: 1, container: Id, startedAt: State.StartedAt };
    writeFileSync(`${folder}/run-test/docker/7.json`, JSON.stringify(note));
    expect(await settle(environment, record)).toMatchObject({ container: 'running', run: 1 });
    expect(environment.degraded).toContainEqual(
      expect.objectContaining({
        what: `docker: the manager's socket in ${record.name}`,
        cost: expect.stringContaining('sliver restart'),
      }),
    );
    const next = { ...record, run: 2 };
    await settle(environment, next);
    expect((await execute(environment, next, ask)).stdout).toBe(record.name);
    expect(environment.degraded?.map(({ what }) => what).join()).not.toContain("manager's socket");

    await removed(environment);
    expect(existsSync(`${folder}/run-test/slivers/7`)).toBe(false);
    await environment.close();
  });

  it('takes on another profile at the next start, and keeps the files', async () => {
    const environment = open();
    const docker = new Docker({ socketPath: engine.socket });
    await settle(environment, record);
    await execute(environment, record, 'echo kept >/root/file');
    const rights = async (sliver: SliverRecord) =>
      (await execute(environment, sliver, 'grep CapEff /proc/self/status')).stdout;
    const before = await rights(record);
    let next: SliverRecord = { ...record, run: 2, profile: 'restricted' };
    expect(await settle(environment, next)).toMatchObject({ container: 'running', run: 2, disks: [1] });
    const after = await rights(next);
    expect(after).not.toBe(before);
    expect((await execute(environment, next, 'cat /root/file /etc/slicename')).stdout).toBe(
      `kept\n${record.name}\n`,
    );
    // Cut short between the removal of the old container and the renaming of the new one: the files are still there.
    await settle(environment, { ...next, desired: 'stopped' });
    await docker.getContainer('sliverd-test-s7-d1').rename({ name: 'sliverd-test-s7-d1.next' });
    expect(await environment.observe(next)).toMatchObject({ container: 'absent', disks: [1], debris: false });
    next = { ...record, run: 3 };
    await settle(environment, next);
    expect(await rights(next)).toBe(before);
    expect((await execute(environment, next, 'cat /root/file')).stdout).toBe('kept\n');
    await removed(environment);
    await environment.sweep(new Set());
    expect(
      await docker.listImages({ filters: JSON.stringify({ label: ['sliverd.image-of=test'] }) }),
    ).toEqual([]);
    await environment.close();
  });

  it('leaves nothing of itself in its run folder', () => {
    expect(existsSync(`${folder}/run-test/docker/7.json`)).toBe(false);
  });
});
