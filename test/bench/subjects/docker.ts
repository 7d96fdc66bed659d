import { mkdtempSync, rmSync } from 'node:fs';
import { startEngine } from '../../node/docker-engine.ts';
import { removeCgroups } from '../cgroups.ts';
import { importSmallImage, run, type Subject } from './subject.ts';

export async function docker(): Promise<Subject> {
  const folder = mkdtempSync('/var/tmp/sliverd-bench-docker-');
  const cgroup = `/${folder.split('/').at(-1)}`;
  await run(`${folder}/output`, 'dockerd', '--version').catch((error) => {
    rmSync(folder, { recursive: true });
    throw error;
  });
  const engine = await startEngine().catch((error) => {
    rmSync(folder, { recursive: true });
    throw error;
  });
  const call = (...args: string[]) =>
    run(`${folder}/output`, 'docker', '--host', `unix://${engine.socket}`, ...args);
  const stop = async () => {
    await engine.stop();
    removeCgroups(cgroup);
    rmSync(folder, { recursive: true });
  };
  try {
    await importSmallImage(folder, (tar) => call('import', tar, 'bench'));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name: 'docker',
    includes:
      '`docker run --network none` through its engine: its record, overlay, namespaces, a shim. No user namespace, no bounded disk',
    folder: engine.socket.replace('/run/docker.sock', ''),
    create: (id) =>
      call(
        'run',
        '--detach',
        '--name',
        `c${id}`,
        '--network=none',
        `--cgroup-parent=${cgroup}`,
        '--log-driver=none',
        'bench',
        '/bin/sleep',
        '100000',
      ),
    exec: (id) => call('exec', `c${id}`, '/bin/true'),
    remove: (id) => call('rm', '--force', `c${id}`),
    stop,
  };
}
