import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { createInterface } from 'node:readline';
import { request, until } from '../../node/harness.ts';
import { smallImageDirectory } from '../../node/image.ts';

/** In the test VM: the machine's real node, its state on the data disk, driven through its admin socket. */
export const SOCKET = '/run/sliverd/admin.sock';
export const STATE = '/data/sliverd';
const CONFIG = '/run/node.yaml';
const LOG = '/run/sliverd.log';
export const CGROUP = '/sys/fs/cgroup/slivers.slice/slivers.service/slivers';
/** Booting, reading TypeScript, trying all that the doctor tries: slow under emulation, and more so beside others. */
export const PATIENCE = 600_000;

let daemon: ChildProcess | undefined;

/** @param extra lines added to node.yaml */
export async function startNode(extra = ''): Promise<void> {
  // Slivers that ask for nothing get a disk that fits on the test's.
  writeFileSync(
    CONFIG,
    `name: vm\nstateDirectory: ${STATE}\nstopGraceSeconds: 1\nrspec: {disk.bytes: 33554432}\n${extra}`,
  );
  const log = openSync(LOG, 'a');
  const started = spawn(process.execPath, ['daemon/main.ts', '--config', CONFIG], {
    stdio: ['ignore', log, log],
  });
  daemon = started;
  await until(() => existsSync(SOCKET) || started.exitCode !== null, 'the daemon to serve', PATIENCE);
  if (started.exitCode !== null)
    throw new Error(`the daemon ended: ${readFileSync(LOG, 'utf8').slice(-3000)}`);
}

export const daemonLog = (): string => readFileSync(LOG, 'utf8');

/** A request that must succeed; returns the answer's body. */
export async function ok<T = any>(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<T> {
  const answer = await request<T>(SOCKET, method, path, body, headers);
  if (answer.status >= 300)
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

export interface Ran {
  exitCode: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

/** Runs a shell script in a sliver. */
export const inSliver = (name: string, script: string, timeoutSeconds = 120): Promise<Ran> =>
  ok('POST', `/v1/slivers/${name}/exec`, { argv: ['/bin/sh', '-c', script], timeoutSeconds });

/** A Linux of busybox alone, as the image `small`. */
export async function importSmallImage(): Promise<void> {
  const path = smallImageDirectory();
  await ok('POST', '/v1/images', { name: 'small', source: { path } });
  rmSync(path, { recursive: true });
}

/** Calls back for each event about `subject`, once the stream stands. */
export function listen(subject: string, heard: (event: { type: string; data: any }) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const path = `/v1/events?subject=${subject}`;
    const call = httpRequest(
      { socketPath: SOCKET, path, headers: { accept: 'text/event-stream' } },
      (stream) => {
        createInterface(stream).on('line', (line) => {
          if (line.startsWith('data: ')) heard(JSON.parse(line.slice('data: '.length)));
        });
        resolve();
      },
    );
    call.on('error', reject);
    call.end();
  });
}

/** What of slivers and images is in the kernel and on the disk. */
export function existing(): Record<
  'cgroups' | 'mounts' | 'loops' | 'runs' | 'disks' | 'containers' | 'images',
  string[]
> {
  const listed = (folder: string) => (existsSync(folder) ? readdirSync(folder).sort() : []);
  const cgroups = existsSync(CGROUP) ? readdirSync(CGROUP, { withFileTypes: true }) : [];
  return {
    cgroups: cgroups
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort(),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((target) => target.startsWith('/run/sliverd') || target.startsWith(STATE)),
    loops: listed('/sys/block').filter((name) => existsSync(`/sys/block/${name}/loop/backing_file`)),
    runs: listed('/run/sliverd/slivers'),
    disks: listed(`${STATE}/slivers`).flatMap((id) =>
      listed(`${STATE}/slivers/${id}`).map((disk) => `${id}/${disk}`),
    ),
    containers: listed('/run/sliverd/crun'),
    images: listed(`${STATE}/images`),
  };
}

/** Takes the node down by its own means; it must leave nothing in the kernel. */
export async function stopNode(): Promise<void> {
  await ok('POST', '/v1/node/down');
  await until(() => daemon?.exitCode !== null, 'the daemon to end', PATIENCE);
  const { disks: _, images: __, ...kernel } = existing();
  for (const [kind, names] of Object.entries(kernel))
    if (names.length > 0) throw new Error(`left behind, ${kind}: ${names.join(', ')}`);
}

/** Results for the test outside, which reads lines that begin so. */
export const tell = (name: string, value: unknown): void =>
  console.log(`@@ ${name} ${JSON.stringify(value)}`);
