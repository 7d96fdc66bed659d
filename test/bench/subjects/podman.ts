import { mkdtempSync, rmSync } from 'node:fs';
import { removeCgroups } from '../cgroups.ts';
import { importSmallImage, run, type Subject } from './subject.ts';

export async function podman(): Promise<Subject> {
  const folder = mkdtempSync('/var/tmp/sliverd-bench-podman-');
  const cgroup = `/${folder.split('/').at(-1)}`;
  const globals = ['--root', `${folder}/storage`, '--runroot', `${folder}/run`, '--tmpdir', `${folder}/tmp`];
  const call = (...args: string[]) =>
    run(
      `${folder}/output`,
      'podman',
      ...globals,
      '--storage-driver=overlay',
      '--cgroup-manager=cgroupfs',
      '--events-backend=none',
      '--runtime=crun',
      ...args,
    );
  const stop = async () => {
    await call('rm', '--all', '--force', '--time=0').catch(() => {}); // what a failure left
    await run('/dev/null', 'umount', '-l', `${folder}/storage/overlay`).catch(() => {});
    removeCgroups(cgroup);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await importSmallImage(folder, (tar) => call('import', tar, 'bench'));
  } catch (error) {
    await stop();
    throw error;
  }
  const create = (id: number, placement: string) =>
    call(
      ...['run', '--detach', '--name', `c${id}`, '--network=none', placement, '--log-driver=none'],
      // Its defaults are above what a container that is itself one may set.
      ...['--ulimit=nofile=1024:1024', '--ulimit=nproc=4096:4096', 'bench', '/bin/sleep', '100000'],
    );
  const remove = (id: number) => call('rm', '--force', '--time=0', `c${id}`);
  let placement = `--cgroup-parent=${cgroup}`;
  try {
    await create(0, placement);
  } catch {
    placement = '--cgroups=disabled'; // a machine that lacks controllers, or rights, that it insists on
  }
  await remove(0);
  const cgroups = placement === '--cgroups=disabled' ? 'No cgroup (it can make none here), no' : 'No';
  return {
    name: 'podman',
    includes: `\`podman run --network none\` by crun: its record, overlay, namespaces, a monitor. ${cgroups} user namespace, no bounded disk`,
    folder,
    create: (id) => create(id, placement),
    exec: (id) => call('exec', `c${id}`, '/bin/true'),
    remove,
    stop,
  };
}
