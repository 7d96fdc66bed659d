import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const SOURCE = `${import.meta.dirname}/probe.c`;

/** Where a program runs: the network namespace of a process and, where binds are arbitrated, a cgroup. */
export interface Place {
  readonly pid: number;
  readonly cgroup?: string;
}

/** The program that measures (probe.c). */
export class Probe {
  readonly path: string;
  readonly #running: ChildProcess[] = [];

  constructor(folder: string) {
    this.path = `${folder}/probe`;
    execFileSync('clang', ['-O2', '-Wall', '-Werror', '-static', SOURCE, '-o', this.path]);
  }

  /** Runs it to its end: the numbers that it says. */
  async run(place: Place, ...args: (string | number)[]): Promise<number[]> {
    const [file = '', ...words] = this.#words(place, args);
    const { stdout } = await promisify(execFile)(file, words, { timeout: 60_000 });
    return stdout.trim().split(' ').map(Number);
  }

  /** Starts a service, and returns when it listens. */
  async serve(place: Place, port: number): Promise<void> {
    const lines = this.#start(this.#words(place, ['serve', port]));
    const first = await Promise.race([once(lines, 'line'), once(lines, 'close')]);
    if (first[0] !== 'ready') throw new Error(`the service on port ${port} ended`);
  }

  /** Processes, each in a network namespace of its own: what a sliver's network is attached to. */
  async hold(count: number): Promise<number[]> {
    const pids: number[] = [];
    const lines = this.#start([this.path, 'hold', String(count)]);
    await new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        if (pids.push(Number(line)) === count) resolve();
      });
      lines.on('close', () => reject(new Error(`${count} network namespaces: got ${pids.length}`)));
    });
    return pids;
  }

  async stop(): Promise<void> {
    for (const child of this.#running) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }

  #words({ pid, cgroup }: Place, args: (string | number)[]): string[] {
    const join = cgroup ? `echo $$ > ${cgroup}/cgroup.procs && ` : '';
    const enter = `${join}exec nsenter --net=/proc/${pid}/ns/net -- "$@"`;
    return ['sh', '-c', enter, 'sh', this.path, ...args.map(String)];
  }

  #start([file = '', ...words]: string[]) {
    const child = spawn(file, words, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#running.push(child);
    return createInterface({ input: child.stdout });
  }
}
