import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
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
  readonly cgroups: CgroupTree;
  readonly port: number;
  readonly log: Logger;
}

export const SSHD = '/usr/sbin/sshd';
const PATIENCE = { least: 2000, most: 60_000 };
const REREAD_WITHIN = 10_000;

/** The process: found again by a later daemon, started when it isn't there, and told of when it can't be. */
export class Sshd {
  readonly #options: SshdOptions;
  #starting = false;
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
  keep(): void {
    if (this.#starting || performance.now() < this.#notBefore || this.pid !== undefined) return;
    const { folder, sockets, output, cgroups, port, log } = this.#options;
    const cgroup = cgroups.of('access');
    mkdirSync(cgroup, { recursive: true });
    const begin =
      'echo $$ > "$1/cgroup.procs" && mount --bind "$0/nsswitch.conf" /etc/nsswitch.conf &&' +
      ' mount --bind "$0/pam.d" /etc/pam.d && mount --bind "$2" /tmp && mount --bind "$0/extrausers" /var/lib/extrausers &&' +
      // Logins of slices are events, and none of the machine's users (whose lastlog has a place for every uid).
      ' mount --bind "$0/log" /var/log && for file in /var/log/* /run/utmp; do' +
      ' [ ! -e $file ] || mount --bind /dev/null $file || exit 1; done &&' +
      ` exec ${SSHD} -D -e -f "$0/sshd_config"`;
    const fd = openSync(output, 'a', 0o600);
    const from = statSync(output).size;
    const began = performance.now();
    this.#starting = true;
    // Later mounts of the daemon's come in, none of these goes out.
    const child = spawn(
      'unshare',
      ['--mount', '--propagation', 'slave', '--', 'sh', '-c', begin, folder, cgroup, sockets],
      { detached: true, cwd: '/', stdio: ['ignore', fd, fd], env: HOST_ENV },
    );
    closeSync(fd);
    child.on('error', (err) => log.error({ err }, 'sliver-sshd could not be started'));
    child.on('exit', (code, signal) => {
      this.#starting = false;
      const lasted = performance.now() - began;
      if (lasted > PATIENCE.most) this.#pause = PATIENCE.least;
      this.#notBefore = performance.now() + this.#pause;
      this.#pause = Math.min(this.#pause * 2, PATIENCE.most);
      void this.#why(from).then((why) => {
        if (why !== this.#trouble) log.warn({ code, signal, port, why, log: output }, 'sliver-sshd ended');
        this.#trouble = why;
      });
    });
    child.unref();
    log.debug({ pid: child.pid, port }, 'starting sliver-sshd');
  }

  async down(): Promise<void> {
    const cgroup = this.#options.cgroups.of('access');
    await killCgroup(cgroup);
    removeCgroup(cgroup);
  }

  /** What it said last, and who is in the way. */
  async #why(from: number): Promise<string> {
    const { output, port } = this.#options;
    const said = readFileSync(output).subarray(from).toString('utf8').trim();
    const last = said.split('\n').at(-1)?.trim() ?? '';
    if (!/Address already in use/.test(said)) return last === '' ? 'it ended without a word' : last;
    const holder = await whoListens(port);
    return `port ${port} is ${holder ?? 'another program'}'s`;
  }
}

/** The program that has a TCP port, as `sshd (pid 812)`. */
async function whoListens(port: number): Promise<string | undefined> {
  const sockets = await run('ss', ['-Hltnp', `sport = :${port}`]).catch(() => '');
  const [, program, pid] = /users:\(\("([^"]+)",pid=([0-9]+)/.exec(sockets) ?? [];
  return program && `${program} (pid ${pid})`;
}
