import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { smallImageDirectory } from '../../node/image.ts';
import { removeCgroups } from '../cgroups.ts';
import { run, type Subject } from './subject.ts';

export async function lxc(): Promise<Subject> {
  const folder = mkdtempSync('/var/tmp/sliverd-bench-lxc-');
  const cgroup = folder.split('/').at(-1) ?? '';
  await run(`${folder}/output`, 'lxc-start', '--version').catch((error) => {
    rmSync(folder, { recursive: true });
    throw error;
  });
  const image = smallImageDirectory();
  const running = new Set<number>();
  const home = (id: number) => `${folder}/c${id}`;
  const call = (verb: string, id: number, ...args: string[]) =>
    run(`${folder}/output`, verb, '-P', folder, '-n', `c${id}`, ...args);
  return {
    name: 'lxc',
    includes:
      '`lxc-start` until it says RUNNING: overlay, namespaces, a monitor. No user namespace, no bounded disk, no seccomp filter',
    folder,
    async prepare(id) {
      mkdirSync(`${home(id)}/upper`, { recursive: true });
      writeFileSync(
        `${home(id)}/config`,
        [
          `lxc.rootfs.path = overlay:${image}:${home(id)}/upper`,
          `lxc.uts.name = c${id}`,
          'lxc.net.0.type = empty',
          'lxc.mount.auto = proc:mixed sys:mixed',
          'lxc.autodev = 1',
          'lxc.init.cmd = /bin/sleep 100000',
          `lxc.cgroup.dir = ${cgroup}/c${id}`,
          '',
        ].join('\n'),
      );
    },
    create(id) {
      running.add(id);
      return call('lxc-start', id, '--daemon');
    },
    exec: (id) => call('lxc-attach', id, '--', '/bin/true'),
    async remove(id) {
      await call('lxc-stop', id, '--kill');
      running.delete(id);
    },
    async clear(id) {
      rmSync(home(id), { recursive: true });
    },
    async stop() {
      for (const id of running) await call('lxc-stop', id, '--kill').catch(() => {}); // what a failure left
      removeCgroups(`/${cgroup}`);
      rmSync(image, { recursive: true });
      rmSync(folder, { recursive: true });
    },
  };
}
