import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Denial } from '../../../netns/ports/denials.ts';
import { until } from '../harness.ts';

const PROJECT = new URL('../../..', import.meta.url).pathname;
const FLAGS = readFileSync(`${PROJECT}scripts/lib/node-flags`, 'utf8').match(/^--.*$/gm) ?? [];

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape, and expect() checks them
type Answer = any;

/** A program that answers each line with a line, in order. */
class Talker {
  readonly process: ChildProcess;
  #ended = false;
  readonly #waiting: ((line: string | undefined) => void)[] = [];

  constructor(file: string, args: string[], unasked: (line: string) => boolean = () => false) {
    this.process = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: this.process.stdout! });
    lines.on('line', (line) => {
      if (!unasked(line)) this.#waiting.shift()?.(line);
    });
    lines.on('close', () => {
      this.#ended = true;
      for (const answer of this.#waiting.splice(0)) answer(undefined);
    });
    this.process.stdin!.on('error', () => {}); // it ended: what it was asked is answered by nothing
  }

  line(): Promise<string | undefined> {
    return new Promise((resolve) => (this.#ended ? resolve(undefined) : this.#waiting.push(resolve)));
  }

  async ask(words: unknown[]): Promise<Answer> {
    const answer = this.line();
    this.process.stdin!.write(`${JSON.stringify(words)}\n`);
    const line = await answer;
    return line === undefined ? undefined : JSON.parse(line);
  }

  async end(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.stdin!.end();
    await once(this.process, 'exit');
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    if (this.process.exitCode === null && this.process.signalCode === null) await once(this.process, 'exit');
  }
}

/** A program in a sliver (sockets.py): `await program.run('opened', 'a', 'tcp', 80)`. */
export class Program {
  readonly #talker: Talker;

  constructor(talker: Talker) {
    this.#talker = talker;
  }
  run(...words: unknown[]): Promise<Answer> {
    return this.#talker.ask(words);
  }
  get pid(): number {
    return this.#talker.process.pid ?? 0;
  }
  end(): Promise<void> {
    return this.#talker.end();
  }
  kill(): Promise<void> {
    return this.#talker.kill();
  }
}

/** A node's network, cgroups and port ledger in throw-away namespaces, with slivers that are a namespace each. */
export class PortWorld {
  readonly folder = mkdtempSync('/var/tmp/sliverd-test-ports-');
  readonly denials: (Omit<Denial, 'at'> & { at: string })[] = [];
  readonly #name = `/${this.folder.split('/').at(-1)}`;
  readonly #programs: Program[] = [];
  #holder!: ChildProcess;
  #ledger: Talker | undefined;

  static async start(): Promise<PortWorld> {
    const world = new PortWorld();
    // Where all cgroups are of version 2, the hierarchy is there already.
    const make = `{ grep -q ' /sys/fs/cgroup cgroup2 ' /proc/mounts || mount -t cgroup2 cgroup2 /sys/fs/cgroup; } && mkdir ${world.cgroup} && ip link set lo up && echo && read _`;
    world.#holder = spawn(
      'unshare',
      ['--mount', '--net', '--propagation', 'private', '--', 'sh', '-c', make],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    await once(world.#holder.stdout!, 'data');
    await world.open();
    return world;
  }

  get cgroup(): string {
    return `/sys/fs/cgroup${this.#name}`;
  }

  /** Starts the ledger's program, as a daemon would at its start. @param objects the folder of another version's programs */
  async open(objects = ''): Promise<void> {
    const args = [process.execPath, ...FLAGS, `${PROJECT}test/node/ports/host.ts`];
    this.#ledger = new Talker(
      'nsenter',
      [...this.enter(), ...args, `${this.folder}/bpf`, this.cgroup, objects],
      (line) => {
        const { denied } = JSON.parse(line);
        if (denied) this.denials.push(denied);
        return denied !== undefined;
      },
    );
    const { error = undefined } = JSON.parse((await this.#ledger.line()) ?? '{"error":"it ended"}');
    if (error) throw new Error(`the ledger did not open: ${error}`);
  }

  /** Calls a method of the ledger; its error is thrown with its code first. */
  async ledger(method: string, ...args: unknown[]): Promise<Answer> {
    const { answer, error, message } = (await this.#ledger?.ask([method, ...args])) ?? {};
    if (error ?? message) throw new Error(`${error}: ${message}`);
    return answer;
  }

  /** `close`, `down` or `crash`, and then it is gone. */
  async end(how: 'close' | 'down' | 'crash'): Promise<void> {
    await this.ledger(how);
    await this.#ledger?.end();
  }

  /** The ports that are owned, as in `tcp/80 1 bind 2`: protocol, port, sliver, by what, sockets. */
  async ports(): Promise<string[]> {
    const entries: Answer[] = await this.ledger('list');
    return entries.map((e) => `${e.protocol}/${e.port} ${e.sliver} ${e.by} ${e.sockets}`);
  }

  /** A sliver with loopback and a program in it, known to the ledger. @param below its cgroup, below the sliver's */
  async sliver(id: number, below = ''): Promise<Program> {
    const program = await this.program(id, 'unshare --net --', below);
    await this.ledger('addSliver', id, `/proc/${program.pid}/ns/net`);
    return program;
  }

  /** One more program in the sliver of another. */
  beside(id: number, other: Program): Promise<Program> {
    return this.program(id, `nsenter --net=/proc/${other.pid}/ns/net --`);
  }

  async program(id: number, by: string, below = ''): Promise<Program> {
    const cgroup = `${this.cgroup}/s${id}${below}`;
    const start = `mkdir -p ${cgroup} && echo $$ > ${cgroup}/cgroup.procs && exec ${by} sh -c "${UP}"`;
    const program = new Program(new Talker('nsenter', [...this.enter(), 'sh', '-c', start]));
    this.#programs.push(program);
    if ((await program.run('ready')) === undefined)
      throw new Error(`sliver ${id}: its program ended at once`);
    return program;
  }

  /** The words that run a program in the node's namespaces, after `nsenter`. */
  enter(): string[] {
    return [`--mount=/proc/${this.#holder.pid}/ns/mnt`, `--net=/proc/${this.#holder.pid}/ns/net`, '--'];
  }

  inside(...words: string[]): string {
    return execFileSync('nsenter', [...this.enter(), ...words], { encoding: 'utf8' });
  }

  /** Runs a program in a sliver's network namespace. */
  within(program: Program, ...words: string[]): string {
    return execFileSync('nsenter', [`--net=/proc/${program.pid}/ns/net`, '--', ...words], {
      encoding: 'utf8',
    });
  }

  /** Runs fighter.ts for each of these slivers at once: how often it had the port, and lost it. */
  async fight(ids: number[], times: number): Promise<{ had: number; lost: number }[]> {
    const program = [process.execPath, ...FLAGS, `${PROJECT}test/node/ports/fighter.ts`];
    const words = [...this.enter(), ...program, `${this.folder}/bpf`, this.cgroup];
    const fighters = ids.map((id) => new Talker('nsenter', [...words, `${id}`, `${times}`]));
    await Promise.all(fighters.map((fighter) => fighter.line()));
    return Promise.all(fighters.map((fighter) => fighter.ask(['begin'])));
  }

  /** What is attached to the slivers' cgroup. */
  attached(): { id: number; name: string; attach_type: string }[] {
    return JSON.parse(this.inside('bpftool', '-j', 'cgroup', 'show', this.cgroup).trim() || '[]');
  }

  /** Detaches a program from the slivers' cgroup, as somebody might by mistake. */
  detach(hook: string): void {
    const { id, attach_type } = this.attached().find(({ name }) => name === hook)!;
    this.inside('bpftool', 'cgroup', 'detach', this.cgroup, attach_type, 'id', String(id));
  }

  /** Closes what these have open and ends every reservation, with a ledger that runs. */
  async clear(programs: Program[]): Promise<void> {
    for (const program of programs) await program.run('clear');
    await this.#running();
    for (const { by, sliver, protocol, port } of await this.ledger('list'))
      if (by === 'reservation') await this.ledger('release', sliver, protocol, port);
  }

  async #running(): Promise<void> {
    if (this.#ledger?.process.exitCode !== null || this.#ledger.process.signalCode !== null)
      await this.open();
  }

  /** Takes everything away; what is left then fails. */
  async stop(): Promise<void> {
    for (const program of this.#programs) await program.end();
    await this.#running();
    await this.end('down');
    this.inside('sh', '-c', `find ${this.cgroup} -depth -type d -exec rmdir {} +`);
    this.#holder.stdin!.end();
    await until(() => this.#holder.exitCode !== null, 'the namespaces to go');
    rmSync(this.folder, { recursive: true });
  }
}

const UP = `ip link set lo up; exec /usr/bin/python3 ${PROJECT}test/node/ports/sockets.py`;
