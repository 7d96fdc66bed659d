import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { SliverdError } from '../../errors.ts';
import { HOST_ENV } from '../../kernel/run.ts';
import { emptyPipe } from '../../kernel/syscalls.ts';

/** The OCI process object that `crun exec` takes from a file, so that no argument of a guest's is parsed by crun. */
export interface OciProcess {
  terminal: boolean;
  user: { uid: number; gid: number; additionalGids?: readonly number[] };
  args: readonly string[];
  env: string[];
  cwd: string;
  [member: string]: unknown;
}

/** What belongs to one exec, beside the sliver's run. */
export interface ExecFiles {
  readonly process: string;
  /** Of the program, as the host sees it; written once it runs. */
  readonly pid: string;
  /** What crun itself complains of: nothing of the guest's gets here. */
  readonly log: string;
  /** Where crun connects to hand over a terminal. */
  readonly socket: string;
}

/** Milliseconds: crun works for tens of them. One that hangs is killed, so that a sliver's cause can say so. */
const PATIENCE = 30_000;

/** The one place that runs crun. Containers are named by the sliver's kernel name; state is below `root`. */
export class Crun {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Names of the containers that crun knows of. */
  list(): string[] {
    return existsSync(this.root) ? readdirSync(this.root) : [];
  }

  has(id: string): boolean {
    return existsSync(`${this.root}/${id}`);
  }

  /**
   * Makes the container and starts its init, which runs on by itself.
   * @param output where the init's stdout and stderr go, an open descriptor.
   */
  async run(id: string, bundle: string, output: number): Promise<void> {
    const log = `${bundle}/crun.log`;
    rmSync(log, { force: true });
    const args = [
      '--log',
      `file:${log}`,
      'run',
      '--detach',
      '--bundle',
      bundle,
      '--pid-file',
      pidFile(bundle),
      id,
    ];
    await this.#finish(this.#spawnInside(args, output), 'run', id, () => tail(log));
  }

  /** The init's pid on the host, as `run` left it in the bundle; undefined when it never came to that. */
  initOf(bundle: string): number | undefined {
    try {
      return Number(readFileSync(pidFile(bundle), 'utf8')) || undefined;
    } catch {
      return undefined;
    }
  }

  /** Kills what is left of a container and forgets it; one that isn't there is no error. */
  async delete(id: string): Promise<void> {
    if (!this.has(id)) return;
    try {
      await this.#run('delete', '--force', id);
    } finally {
      // A create that was cut short leaves a folder that crun itself can't read.
      rmSync(`${this.root}/${id}`, { recursive: true, force: true });
    }
  }

  /** Arguments of an exec for whoever spawns it (a pipe or a terminal). The caller removes the files. */
  execArguments(id: string, files: ExecFiles, process: OciProcess): string[] {
    writeFileSync(files.process, JSON.stringify(process), { mode: 0o600 });
    return [
      ...this.#globals(),
      '--log',
      `file:${files.log}`,
      'exec',
      ...(process.terminal ? ['--console-socket', files.socket] : []),
      '--pid-file',
      files.pid,
      '--process',
      files.process,
      id,
    ];
  }

  /** Starts a process inside and leaves it there, its output going to `output`. */
  async execDetached(id: string, processFile: string, process: OciProcess, output: number): Promise<void> {
    writeFileSync(processFile, JSON.stringify(process), { mode: 0o600 });
    const log = `${processFile}.log`;
    const args = ['--log', `file:${log}`, 'exec', '--detach', '--process', processFile, id];
    try {
      await this.#finish(this.#spawnInside(args, output), 'exec', id, () => tail(log));
    } finally {
      rmSync(processFile, { force: true });
      rmSync(log, { force: true });
    }
  }

  #globals(): string[] {
    return ['--root', this.root, '--cgroup-manager=cgroupfs'];
  }

  #spawn(args: string[], stdio: ('ignore' | 'pipe' | number)[]): ChildProcess {
    return spawn('crun', [...this.#globals(), ...args], { stdio, env: HOST_ENV });
  }

  /**
   * With no input. Not from /dev/null: crun (1.8 of Debian 12, and later ones) gives what it has as stdin, stdout and
   * stderr to root inside where it made the user namespace, who could then close the host's /dev/null to everybody.
   */
  #spawnInside(args: string[], output: number): ChildProcess {
    const input = emptyPipe();
    try {
      return this.#spawn(args, [input, output, output]);
    } finally {
      closeSync(input);
    }
  }

  async #run(...args: string[]): Promise<void> {
    const child = this.#spawn(args, ['ignore', 'ignore', 'pipe']);
    let stderr = '';
    child.stderr?.on('data', (data) => {
      stderr = (stderr + data).slice(-4000);
    });
    await this.#finish(child, args[0] ?? '', args.at(-1) ?? '', () => stderr);
  }

  async #finish(child: ChildProcess, verb: string, id: string, complaint: () => string): Promise<void> {
    let hung = false;
    const impatient = setTimeout(() => {
      hung = child.kill('SIGKILL');
    }, PATIENCE);
    try {
      const [code, signal] = await once(child, verb === 'delete' ? 'close' : 'exit');
      if (code === 0) return;
      const end = hung
        ? `did not end in ${PATIENCE / 1000} s, and was killed`
        : `ended with ${signal ?? code}`;
      throw new SliverdError('host-tool', `crun ${verb} ${id}: ${complaint().trim() || end}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        throw new SliverdError('host-tool', `crun is not installed (apt-get install crun)`);
      throw error;
    } finally {
      clearTimeout(impatient);
    }
  }
}

const pidFile = (bundle: string) => `${bundle}/pid`;

export function tail(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim().split('\n').slice(-3).join('; ').slice(-2000);
  } catch {
    return '';
  }
}
