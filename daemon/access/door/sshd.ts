import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import type { Logger } from 'pino';
import { type CgroupTree, killCgroup, removeCgroup, until } from '../../cgroups/tree.ts';
import { HOST_ENV, run } from '../../kernel/run.ts';

export interface SshdOptions {
  /** `access` of the state folder. */
  readonly folder: string;
  /** Where sshd writes its pid. */
  readonly pid: string;
  readonly output: string;
  /** sshd's /tmp, where it makes the sockets of agents. */
  readonly sockets: string;
  /** The systemd service that it is to be; none: a process that the daemon starts, in the cgroup `access`. */
  readonly unit?: string;
  readonly cgroups: CgroupTree;
  readonly port: number;
  readonly log: Logger;
}

export const SSHD = '/usr/sbin/sshd';
const PATIENCE = { least: 1000, most: 60_000 };
const REREAD_WITHIN = 10_000;
const STARTED_WITHIN = 10_000;
const OUTPUT_BYTES = 2 ** 20;
/** Who isn't in yet may be as many as MaxStartups says (configuration.ts), two processes each; sessions are elsewhere. */
const PROPERTIES = ['Type=exec', 'SyslogIdentifier=sliver-sshd', 'TasksMax=4096', 'OOMPolicy=continue'];
/** Arguments: our folder, sshd's /tmp, and the cgroup to be in, if not that of a unit. */
const BEGIN = `# Written by sliverd.
set -e
[ $# = 2 ] || echo $$ > "$3/cgroup.procs"
mount --bind "$2" /tmp
mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf
mount --bind "$1/pam.d" /etc/pam.d
mount --bind "$1/extrausers" /var/lib/extrausers
# Logins of slices are events, and none of the machine's users (whose lastlog has a place for every uid).
mount --bind "$1/log" /var/log
[ ! -e /run/utmp ] || mount --bind "$1/utmp" /run/utmp
exec ${SSHD} -D -e -f "$1/sshd_config"
`;

/** The process: found again by a later daemon, started when it isn't there, and told of when it can't be. */
export class Sshd {
  readonly #options: SshdOptions;
  #starting = false;
  #down = false;
  #pause = PATIENCE.least;
  #notBefore = 0;
  #trouble: string | undefined;

  constructor(options: SshdOptions) {
    this.#options = options;
  }

  /** Why nobody answers at the port. */
  get trouble(): string | undefined {
    return this.pid === undefined ? this.#trouble : undefined;
  }

  /** The pid that sshd wrote, if it is this instance's still. */
  get pid(): number | undefined {
    const { pid: file, folder } = this.#options;
    try {
      const pid = Number(readFileSync(file, 'utf8'));
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return pid > 1 && command.includes(`${folder}/sshd_config`) ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  /** Has it read its configuration again: it becomes itself anew, and says so by its pid file once it listens. */
  async reread(): Promise<void> {
    const { pid } = this;
    if (pid === undefined) return;
    const written = () => statSync(this.#options.pid, { throwIfNoEntry: false })?.mtimeMs;
    const before = written();
    process.kill(pid, 'SIGHUP');
    const again = () => written() !== undefined && written() !== before;
    await until(again, REREAD_WITHIN, 'sliver-sshd to read its configuration').catch((err) =>
      this.#options.log.error({ err }, 'what was revoked may be in force later'),
    );
  }

  /** Starts it unless it runs; what fails is tried again, ever more seldom. */
  async keep(): Promise<void> {
    const { output, port, unit, log } = this.#options;
    if (this.#starting || performance.now() < this.#notBefore) return;
    const { pid } = this;
    if (pid !== undefined) return this.#refresh(pid);
    const began = performance.now();
    this.#starting = true;
    const fd = openSync(output, 'a', 0o600);
    const child = spawn(...this.#command(), {
      detached: true,
      cwd: '/',
      stdio: ['ignore', fd, fd],
      env: HOST_ENV,
    });
    closeSync(fd);
    child.on('error', (err) => log.error({ err }, 'sliver-sshd could not be started'));
    child.on('close', async (code, signal) => {
      // A service runs on by itself.
      const runs = () => this.pid !== undefined;
      if (unit && code === 0) await until(runs, STARTED_WITHIN, 'sliver-sshd to listen').catch(() => {});
      const why = runs() ? undefined : await this.#why();
      if (this.#down) return; // it was ended, and what it said is gone
      if (why !== undefined && why !== this.#trouble)
        log.warn({ code, signal, port, why, log: unit ?? output }, 'sliver-sshd ended');
      const lasted = why === undefined || performance.now() - began > PATIENCE.most;
      this.#pause = lasted ? PATIENCE.least : Math.min(this.#pause * 2, PATIENCE.most);
      if (why !== undefined) this.#notBefore = performance.now() + this.#pause;
      this.#trouble = why;
      this.#starting = false;
    });
    child.unref();
    log.debug({ pid: child.pid, port }, 'starting sliver-sshd');
  }

  async down(): Promise<void> {
    const { cgroups, unit, pid, output } = this.#options;
    this.#down = true;
    if (unit) await run('systemctl', ['stop', unit]).catch(() => {}); // there may be none
    const cgroup = cgroups.of('access');
    await killCgroup(cgroup);
    removeCgroup(cgroup);
    for (const file of [pid, output]) rmSync(file, { force: true });
  }

  /** One that runs: has it become what a newer package brought, and keeps what it wrote within bounds. */
  async #refresh(pid: number): Promise<void> {
    const { output } = this.#options;
    if (existsSync(output) && statSync(output).size > OUTPUT_BYTES) truncateSync(output);
    const program = programOf(pid);
    if (program.endsWith(' (deleted)') && existsSync(SSHD)) await this.reread();
  }

  #command(): [string, string[]] {
    const { folder, sockets, cgroups, unit } = this.#options;
    const begin = `${folder}/begin`;
    writeFileSync(begin, BEGIN, { mode: 0o600 });
    // Later mounts of the daemon's come in, none of these goes out.
    const words = ['--mount', '--propagation', 'slave', '--', 'sh', begin, folder, sockets];
    if (unit) {
      const properties = PROPERTIES.map((property) => `--property=${property}`);
      const what = [`--unit=${unit}`, '--description=ssh SLICE@NODE: logins to slivers (sliverd)'];
      return ['systemd-run', ['--quiet', '--collect', ...what, ...properties, 'unshare', ...words]];
    }
    const cgroup = cgroups.of('access');
    mkdirSync(cgroup, { recursive: true });
    return ['unshare', [...words, cgroup]];
  }

  /** Who is in the way, or what it said last. */
  async #why(): Promise<string> {
    const { output, port, unit } = this.#options;
    const holder = await whoListens(port);
    if (holder) return `port ${port} is ${holder}'s`;
    const journal = () => run('journalctl', ['-q', '-n', '5', '-o', 'cat', '-u', unit ?? '']);
    const kept = () => (existsSync(output) ? readFileSync(output, 'utf8') : '');
    const said = unit ? await journal().catch(() => '') : kept();
    return said.trim().split('\n').at(-1)?.trim() || 'it ended without a word';
  }
}

/** Empty when the process is gone, which the next look finds. */
function programOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return '';
  }
}

/** The program that has a TCP port, as `sshd (pid 812)`. */
async function whoListens(port: number): Promise<string | undefined> {
  const sockets = await run('ss', ['-Hltnp', `sport = :${port}`]).catch(() => '');
  const [, program, pid] = /users:\(\("([^"]+)",pid=([0-9]+)/.exec(sockets) ?? [];
  return program && `${program} (pid ${pid})`;
}
