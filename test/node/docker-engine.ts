import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { until } from './harness.ts';

/**
 * A Docker engine in mount, network and process namespaces of its own, for tests that run outside of them: it sees
 * no network and no cgroup but its own, and nothing of it outlives this process.
 * @param network whether it gives containers one: a bridge, published ports
 */
export async function startEngine({ network = false } = {}): Promise<{
  socket: string;
  /** A process in its network namespace. */
  pid: number;
  stop(): Promise<void>;
}> {
  const folder = mkdtempSync(`${tmpdir()}/sliverd-engine-`);
  mkdirSync(`${folder}/run`);
  const socket = `${folder}/run/docker.sock`;
  const log = openSync(`${folder}/log`, 'a');
  const engine = spawn(
    'unshare',
    [
      ...[
        '--mount',
        '--propagation=private',
        '--net',
        '--pid',
        '--fork',
        '--kill-child=KILL',
        '--mount-proc',
      ],
      ...[
        '--',
        'sh',
        '-c',
        `{ grep -q ' /sys/fs/cgroup cgroup2 ' /proc/mounts || mount -t cgroup2 cgroup2 /sys/fs/cgroup; } && ip link set lo up && exec "$@"`,
        'sh',
      ],
      ...['dockerd', '--data-root', `${folder}/data`, '--exec-root', `${folder}/exec`],
      ...['--host', `unix://${socket}`, '--pidfile', `${folder}/pid`],
      ...(network ? [] : ['--iptables=false', '--ip6tables=false', '--bridge=none']),
      '--storage-driver=overlay2',
    ],
    { stdio: ['ignore', log, log] },
  );
  const ended = once(engine, 'close');
  await until(() => existsSync(socket) || engine.exitCode !== null, 'dockerd to serve', 60_000);
  if (!existsSync(socket))
    throw new Error(`dockerd ended: ${readFileSync(`${folder}/log`, 'utf8').slice(-2000)}`);
  return {
    socket,
    pid: engine.pid ?? 0,
    async stop() {
      engine.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
