import { type ChildProcess, execFileSync, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const PROJECT = new URL('../..', import.meta.url).pathname;
const NODE = process.execPath;
const NODE_FLAGS = readFileSync(`${PROJECT}scripts/lib/node-flags`, 'utf8');
const FLAGS = NODE_FLAGS.match(/^--.*$/gm) ?? [];
const ENVIRONMENT = Object.fromEntries(
  (NODE_FLAGS.match(/^[A-Z].*$/gm) ?? []).map((line) => line.split('=')),
);
const COMPILE_CACHE = `${process.env.SLIVERD_CACHE ?? '/var/cache/sliverd'}/compile-cache`;

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape, and expect() checks them
type Body = any;

export interface Answer<T = Body> {
  status: number;
  body: T;
  headers: Record<string, string | string[] | undefined>;
}

/** A whole node in throw-away network and mount namespaces, driven through its admin socket like any other. */
export class TestNode {
  readonly folder: string;
  readonly cgroup: string;
  readonly config: string;
  daemon: ChildProcess | undefined;
  /** The words that start the daemon, ahead of its own: a program that takes something from it. */
  readonly #through: readonly string[];
  #holder: ChildProcess;

  private constructor(folder: string, holder: ChildProcess, extra: string, through: readonly string[]) {
    this.#through = through;
    this.folder = folder;
    this.#holder = holder;
    this.cgroup = `/${folder.split('/').at(-1)}`;
    this.config = `${folder}/node.yaml`;
    this.configure(extra);
  }

  /** What the next start of the daemon goes by. @param extra lines added to node.yaml */
  configure(extra: string): void {
    writeFileSync(
      this.config,
      `name: test\nstateDirectory: ${this.state}\nrunDirectory: ${this.run}\ncgroup: ${this.cgroup}\n` +
        `allowDegraded: true\nlogLevel: debug\nstopGraceSeconds: 1\n${extra}`,
    );
  }

  /**
   * @param extra lines added to node.yaml
   * @param prepare is given a process in the node's namespaces before the daemon starts.
   * @param through a program that starts the daemon, with its arguments.
   */
  static async start(
    extra = '',
    env: Record<string, string> = {},
    prepare: (pid: number) => void = () => {},
    through: readonly string[] = [],
  ): Promise<TestNode> {
    const folder = mkdtempSync('/var/tmp/sliverd-test-');
    chmodSync(folder, 0o711); // root inside a sliver reaches its own mount points by this path
    // The holder keeps the namespaces over restarts of the daemon; it ends with this process, having lost its pipe.
    const holder = spawn(
      'unshare',
      [
        '--mount',
        '--net',
        '--propagation',
        'private',
        '--',
        'sh',
        '-c',
        // Shared among themselves, as systemd has them on a real machine: what crun mounts must not come back here.
        'mount --make-rshared / && mount -t cgroup2 cgroup2 /sys/fs/cgroup && ip link set lo up && echo ready && read _',
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    await new Promise((resolve, reject) => {
      holder.stdout?.once('data', resolve);
      holder.once('exit', reject);
    });
    prepare(holder.pid ?? 0);
    const node = new TestNode(folder, holder, extra, through);
    await node.launch(env);
    return node;
  }

  get state(): string {
    return `${this.folder}/state`;
  }
  get run(): string {
    return `${this.folder}/run`;
  }
  get log(): string {
    return readFileSync(`${this.folder}/log`, 'utf8');
  }

  /** Starts the daemon; returns when it serves, or fails with its log. */
  async launch(env: Record<string, string> = {}, wait = true): Promise<void> {
    const log = openSync(`${this.folder}/log`, 'a');
    rmSync(`${this.run}/admin.sock`, { force: true });
    this.daemon = spawn(
      'nsenter',
      [
        ...this.#enter(),
        ...this.#through,
        NODE,
        ...FLAGS,
        `${PROJECT}daemon/main.ts`,
        '--config',
        this.config,
      ],
      {
        stdio: ['ignore', log, log],
        env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE, ...ENVIRONMENT, ...env },
      },
    );
    if (wait) await this.serving();
  }

  async serving(): Promise<void> {
    await until(
      () =>
        existsSync(`${this.run}/admin.sock`) ||
        this.daemon?.exitCode !== null ||
        this.daemon.signalCode !== null,
      'the daemon to serve',
      60_000,
    );
    if (!existsSync(`${this.run}/admin.sock`)) throw new Error(`the daemon ended:\n${this.log.slice(-3000)}`);
  }

  /** A crash: SIGKILL, and nothing else. */
  async kill(): Promise<void> {
    this.daemon?.kill('SIGKILL');
    await this.ended();
  }

  async ended(): Promise<void> {
    await until(
      () => this.daemon?.exitCode !== null || this.daemon.signalCode !== null,
      'the daemon to end',
      60_000,
    );
  }

  /** Runs a program in the node's namespaces and returns its stdout. */
  inside(file: string, ...args: string[]): string {
    return execFileSync('nsenter', [...this.#enter(), file, ...args], { encoding: 'utf8' });
  }

  /** The same for one that may fail: its status, stdout and stderr. */
  attempt(input: string, file: string, ...args: string[]): SpawnSyncReturns<string> {
    return spawnSync('nsenter', [...this.#enter(), file, ...args], {
      encoding: 'utf8',
      input,
      timeout: 30_000,
      maxBuffer: 1e8,
    });
  }

  /** Starts a program in the node's namespaces. */
  spawn(file: string, ...args: string[]): ChildProcess {
    return spawn('nsenter', [...this.#enter(), file, ...args], { stdio: 'ignore' });
  }

  /** The words that run a program in the node's namespaces, for whoever starts it himself. */
  within(file: string, ...args: string[]): [string, string[]] {
    return ['nsenter', [...this.#enter(), file, ...args]];
  }

  /** The same, with its input and output here. */
  piped(file: string, ...args: string[]): ChildProcess {
    return spawn('nsenter', [...this.#enter(), file, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  }

  #enter(): string[] {
    return [`--mount=/proc/${this.#holder.pid}/ns/mnt`, `--net=/proc/${this.#holder.pid}/ns/net`, '--'];
  }

  request<T = Body>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    return request(`${this.run}/admin.sock`, method, path, body, headers);
  }

  /** A request that must succeed. */
  async ok<T = Body>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.request<T>(method, path, body);
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async exec(name: string, ...argv: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
    return this.ok('POST', `/v1/slivers/${name}/exec`, { argv });
  }

  /** What of this node is in the kernel and on disk now: what a crash could have left behind. */
  leftovers(): {
    cgroups: string[];
    mounts: string[];
    loops: string[];
    runs: string[];
    disks: string[];
    containers: string[];
  } {
    const listed = (folder: string) => (existsSync(folder) ? readdirSync(folder).sort() : []);
    const mountinfo = this.inside('cat', '/proc/self/mountinfo').split('\n');
    return {
      cgroups: this.inside('sh', '-c', `ls -d /sys/fs/cgroup${this.cgroup}/*/ 2>/dev/null || true`)
        .split('\n')
        .filter(Boolean)
        .map((path) => path.split('/').at(-2) ?? '')
        .sort(),
      mounts: mountinfo
        .map((line) => line.split(' ')[4] ?? '')
        .filter((target) => target.startsWith(this.folder))
        .sort(),
      loops: loops().filter((file) => file.startsWith(this.folder)),
      runs: listed(`${this.run}/slivers`),
      disks: listed(`${this.state}/slivers`).flatMap((id) =>
        listed(`${this.state}/slivers/${id}`).map((disk) => `${id}/${disk}`),
      ),
      containers: listed(`${this.run}/crun`),
    };
  }

  /** Takes the node down by its own means and checks that it left nothing. */
  async stop(): Promise<void> {
    if (this.daemon?.exitCode !== null || this.daemon.signalCode !== null) await this.launch();
    const down = await this.request('POST', '/v1/node/down');
    await this.ended();
    const left = this.leftovers();
    this.#holder.stdin?.end();
    await until(() => this.#holder.exitCode !== null, 'the namespaces to go', 10_000);
    rmSync(this.folder, { recursive: true, force: true });
    if (down.status !== 200) throw new Error(`node down: ${JSON.stringify(down.body)}`);
    const { disks: _, ...kernel } = left;
    for (const [kind, names] of Object.entries(kernel))
      if (names.length) throw new Error(`left behind, ${kind}: ${names.join(', ')}`);
  }
}

/** Files that loop devices of this machine are bound to. */
export function loops(): string[] {
  return readdirSync('/sys/block').flatMap((name) => {
    try {
      return [readFileSync(`/sys/block/${name}/loop/backing_file`, 'utf8').trim()];
    } catch {
      return []; // no loop device, or not bound, or not any more
    }
  });
}

export function request<T = Body>(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer<T>> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const call = httpRequest(
      {
        socketPath,
        method,
        path,
        headers: {
          ...(text === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const whole = Buffer.concat(chunks).toString('utf8');
          const json = /json/.test(response.headers['content-type'] ?? '') && whole !== '';
          resolve({
            status: response.statusCode ?? 0,
            body: (json ? JSON.parse(whole) : whole) as T,
            headers: response.headers,
          });
        });
      },
    );
    call.on('error', reject);
    call.end(text);
  });
}

/** Waits for a condition, never for a time. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  milliseconds = 30_000,
): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${milliseconds / 1000} s for ${what}`);
    await sleep(20);
  }
}

export function scratch(name: string): string {
  mkdirSync('/var/tmp', { recursive: true });
  return mkdtempSync(`/var/tmp/sliverd-test-${name}-`);
}
