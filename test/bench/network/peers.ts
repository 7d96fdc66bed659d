import { startEngine } from '../../node/docker-engine.ts';
import { removeCgroups } from '../cgroups.ts';
import { importSmallImage, run } from '../subjects/subject.ts';
import type { Service } from './measure.ts';
import type { Outside } from './outside.ts';
import type { Probe } from './probe.ts';

export interface Peer {
  readonly service: Service;
  stop(): Promise<void>;
}
type Call = (...args: string[]) => Promise<void>;

const PORT = 7000;

/** A port that a Docker engine publishes, on a host of its own. */
export async function dockerPort(folder: string, outside: Outside, probe: Probe): Promise<Peer> {
  await run(`${folder}/output`, 'dockerd', '--version');
  const engine = await startEngine({ network: true });
  const call: Call = (...args) =>
    run(`${folder}/output`, 'docker', '--host', `unix://${engine.socket}`, ...args);
  const cgroup = `/${folder.split('/').at(-1)}-docker`;
  const stop = async () => {
    await engine.stop();
    removeCgroups(cgroup);
  };
  const service = published('docker', outside.connect(engine.pid));
  return begun({ service, stop }, folder, call, probe, [`--cgroup-parent=${cgroup}`]);
}

/** A port that Podman publishes, on a host of its own. */
export async function podmanPort(folder: string, outside: Outside, probe: Probe): Promise<Peer> {
  await run(`${folder}/output`, 'podman', '--version');
  const [host = 0] = await probe.hold(1);
  const call: Call = (...args) =>
    run(
      `${folder}/output`,
      ...['nsenter', `--net=/proc/${host}/ns/net`, '--', 'podman'],
      ...['--root', `${folder}/storage`, '--runroot', `${folder}/run`, '--tmpdir', `${folder}/tmp`],
      ...['--storage-driver=overlay', '--cgroup-manager=cgroupfs', '--events-backend=none', '--runtime=crun'],
      ...args,
    );
  const stop = async () => {
    await call('rm', '--all', '--force', '--time=0');
    await run('/dev/null', 'umount', '-l', `${folder}/storage/overlay`).catch(() => {}); // it leaves it mounted
  };
  const service = published('podman', outside.connect(host));
  // Rights and controllers that it insists on by default are not everywhere; of a packet's way they are no part.
  const leave = ['--cgroups=disabled', '--ulimit=nofile=1024:1024', '--ulimit=nproc=4096:4096'];
  return begun({ service, stop }, folder, call, probe, leave);
}

const published = (name: string, address: string): Service => ({
  name,
  includes: 'a published port, on a host of its own: its bridge and its NAT',
  address,
  port: PORT,
});

/** Runs the probe in a container. */
async function begun(peer: Peer, folder: string, call: Call, probe: Probe, args: string[]): Promise<Peer> {
  try {
    await importSmallImage(folder, (tar) => call('import', tar, 'bench'));
    const bind = `${probe.path}:/probe:ro`;
    await call(
      ...['run', '--detach', `--publish=${PORT}:${PORT}`, `--volume=${bind}`, '--log-driver=none', ...args],
      ...['bench', '/probe', 'serve', String(PORT)],
    );
    return peer;
  } catch (error) {
    await peer.stop().catch(() => {}); // what went wrong first is what is told
    throw error;
  }
}
