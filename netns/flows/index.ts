import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { readCgroup } from '../../daemon/cgroups/files.ts';
import { killCgroup, removeCgroup, until } from '../../daemon/cgroups/tree.ts';
import { during } from '../../daemon/errors.ts';
import { HeldSettings } from '../held-settings.ts';
import type { Answer, Page } from './archive.ts';
import type { Filter } from './filter.ts';
import { Questions } from './questions.ts';
import type { Budget } from './shelf.ts';

export interface FlowOptions {
  /** What is kept, and is not forgotten. */
  readonly folder: string;
  readonly budget: Budget;
  /** Where a reboot forgets it. */
  readonly runDirectory: string;
  /** Of the recorder alone; made here, removed by `down`. */
  readonly cgroup: string;
  /** A recorder of another version is replaced. */
  readonly version: string;
  readonly log: Logger;
}

/** What connections are counted, stamped and told by. */
const SETTINGS = ['nf_conntrack_acct', 'nf_conntrack_timestamp', 'nf_conntrack_events'];
const LOOK_EVERY = 1000;
const TROUBLE_LASTS = 5000;

/** The recorder of flows (recorder.ts), which goes on while the daemon is replaced, and what it has recorded. */
export class FlowRecords {
  readonly #options: FlowOptions;
  readonly #settings: HeldSettings;
  readonly #command: string[];
  readonly #questions: Questions;
  #timer: NodeJS.Timeout | undefined;
  #down = false;
  #ended: { at: number; why: string } | undefined;

  /** Finds the recorder that an earlier daemon began, or begins one; from now on it is looked after. */
  static async open(options: FlowOptions): Promise<FlowRecords> {
    const records = new FlowRecords(options);
    for (const name of SETTINGS) records.#settings.hold(`netfilter/${name}`, '1');
    mkdirSync(options.cgroup, { recursive: true });
    const [pid] = records.#pids();
    if (pid !== undefined && records.#commandOf(pid) !== records.#command.join('\0')) await records.#end(pid);
    records.#look();
    records.#timer = setInterval(() => records.#look(), LOOK_EVERY).unref();
    return records;
  }

  private constructor(options: FlowOptions) {
    const { folder, budget, runDirectory, version } = options;
    this.#options = options;
    this.#questions = new Questions(folder);
    this.#settings = new HeldSettings(`${runDirectory}/conntrack-settings.json`);
    this.#command = [
      process.execPath,
      ...process.execArgv, // as the daemon itself: scripts/lib/node-flags
      `${import.meta.dirname}/recorder.ts`,
      ...[folder, String(budget.bytes), String(budget.days), version],
    ];
  }

  /** @param filters of which one must hold */
  find(filters: readonly Filter[], limit: number, page?: Page): Promise<Answer> {
    return during('looking for flows', () => this.#questions.ask(filters, limit, page));
  }

  /** Why nobody records, as far as can be told: it ended a moment ago, and is begun again and again. */
  get trouble(): string | undefined {
    return this.#ended && performance.now() - this.#ended.at < TROUBLE_LASTS ? this.#ended.why : undefined;
  }

  /** The recorder goes on. */
  close(): void {
    clearInterval(this.#timer);
    this.#questions.close();
  }

  /** Ends the recorder when it has kept what there is, and leaves the records. */
  async down(): Promise<void> {
    this.#down = true;
    this.close();
    for (const pid of this.#pids()) await this.#end(pid);
    await killCgroup(this.#options.cgroup);
    removeCgroup(this.#options.cgroup);
    this.#settings.giveBack();
  }

  #look(): void {
    this.#settings.keep();
    if (this.#pids().length > 0) return;
    const { cgroup, log } = this.#options;
    mkdirSync(cgroup, { recursive: true });
    const enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
    const child = spawn('sh', ['-c', enter, cgroup, ...this.#command], {
      detached: true,
      cwd: '/',
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { PATH: process.env.PATH, MALLOC_ARENA_MAX: process.env.MALLOC_ARENA_MAX },
    });
    child.on('error', (err) => log.error({ err }, 'flows are not recorded'));
    child.on('exit', (code, signal) => {
      if (this.#down) return;
      log.warn({ code, signal }, 'the recorder of flows ended');
      this.#ended = { at: performance.now(), why: `the recorder ended with ${signal ?? code}` };
    });
    child.unref();
    log.info({ pid: child.pid }, 'recording flows');
  }

  async #end(pid: number): Promise<void> {
    process.kill(pid, 'SIGTERM');
    await until(() => !this.#pids().includes(pid), 10_000, 'the recorder of flows to end').catch(() =>
      killCgroup(this.#options.cgroup),
    );
  }

  #pids(): number[] {
    return (readCgroup(`${this.#options.cgroup}/cgroup.procs`) ?? '').split('\n').filter(Boolean).map(Number);
  }

  #commandOf(pid: number): string {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/\0$/, '');
    } catch {
      return '';
    }
  }
}
