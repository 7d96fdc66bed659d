import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  type FSWatcher,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  watch,
  writeFileSync,
} from 'node:fs';
import type { Logger } from 'pino';
import { type CgroupTree, killCgroup, removeCgroup } from '../../cgroups/tree.ts';
import { SliverdError } from '../../errors.ts';
import { HOST_ENV, run } from '../../kernel/run.ts';
import type { SliverRecord } from '../../slivers/record.ts';
import { ACCESS_GID, accountFiles, writeAccounts } from './accounts.ts';
import { HOST_KEYS, NSSWITCH, pamService, sshdConfig } from './configuration.ts';
import { type HostKey, hostKeys } from './host-keys.ts';
import { provideSftp } from './sftp.ts';

export interface DoorOptions {
  /** `access` of the state folder. */
  readonly folder: string;
  readonly runDirectory: string;
  readonly cgroups: CgroupTree;
  /** As in node.yaml, from the root of the cgroup file system. */
  readonly cgroup: string;
  readonly port: number;
  readonly log: Logger;
}

const SSHD = '/usr/sbin/sshd';
const BUILT = `${import.meta.dirname}/privileged/build`;
const LOOK_EVERY = 2000;

/**
 * sliver-sshd: OpenSSH's, in a mount namespace where slices are accounts, and a cgroup of its own. It and its sessions
 * go on while the daemon is replaced (docs/decisions/0026-ssh-front-door.md).
 */
export class Door {
  readonly #options: DoorOptions;
  #timer: NodeJS.Timeout | undefined;
  #watcher: FSWatcher | undefined;
  #starting = false;

  static async open(options: DoorOptions, slivers: () => readonly SliverRecord[]): Promise<Door> {
    if (!existsSync(SSHD))
      throw new SliverdError(
        'unsupported',
        'access.port needs sshd: apt-get install openssh-server libnss-extrausers',
      );
    const door = new Door(options);
    await door.#prepare();
    door.#tell(slivers());
    door.#look();
    door.#timer = setInterval(() => door.#look(), LOOK_EVERY).unref();
    // Written when a sliver is made or deleted; sshd reads only at its start whose revocations are where.
    door.#watcher = watch(options.folder, { persistent: false }, (_, name) => {
      if (name !== 'revoked.conf') return;
      door.#tell(slivers());
      door.#reread();
    });
    return door;
  }

  private constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** Whoever has a sliver has an account. */
  #tell(slivers: readonly SliverRecord[]): void {
    const { folder } = this.#options;
    writeAccounts(`${folder}/extrausers`, accountFiles(slivers, folder, `${folder}/enter`));
  }

  get port(): number {
    return this.#options.port;
  }

  /** By which people know that it is this node. */
  get hostKeys(): HostKey[] {
    return hostKeys(`${this.#options.folder}/host`);
  }

  /** sliver-sshd goes on. */
  close(): void {
    clearInterval(this.#timer);
    this.#watcher?.close();
  }

  /** Ends sliver-sshd; sessions ended with their slivers. */
  async down(): Promise<void> {
    this.close();
    const cgroup = this.#options.cgroups.of('access');
    await killCgroup(cgroup);
    removeCgroup(cgroup);
  }

  get #files() {
    const { folder, runDirectory, port } = this.#options;
    return { folder, pid: `${runDirectory}/sliver-sshd.pid`, port };
  }

  async #prepare(): Promise<void> {
    const { folder, runDirectory, cgroup } = this.#options;
    for (const path of [folder, `${folder}/host`, `${folder}/pam.d`])
      mkdirSync(path, { recursive: true, mode: 0o755 });
    mkdirSync('/run/sshd', { recursive: true, mode: 0o755 }); // sshd's own place for who isn't in yet
    for (const type of HOST_KEYS) {
      const file = `${folder}/host/ssh_host_${type}_key`;
      if (!existsSync(file)) await run('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', '', '-f', file]);
    }
    await provideSftp(`${folder}/sftp`);
    const module = `${folder}/pam_sliver.so`;
    place(`${BUILT}/pam_sliver.so`, module, 0o644, 0);
    place(`${BUILT}/enter`, `${folder}/enter`, 0o4750, ACCESS_GID);
    const pam = pamService(module, runDirectory, cgroup);
    writeFileSync(`${folder}/enter.conf`, `${runDirectory} ${cgroup}\n`, { mode: 0o600 });
    writeFileSync(`${folder}/pam.d/sshd`, pam);
    writeFileSync(`${folder}/pam.d/other`, 'auth required pam_deny.so\naccount required pam_deny.so\n');
    writeFileSync(`${folder}/nsswitch.conf`, NSSWITCH);
    writeFileSync(`${folder}/sshd_config`, sshdConfig(this.#files));
    if (!existsSync(`${folder}/revoked.conf`)) writeFileSync(`${folder}/revoked.conf`, '');
    await run(SSHD, ['-t', '-f', `${folder}/sshd_config`]);
  }

  /** The pid that sshd wrote, if it is this instance's still. */
  #pid(): number | undefined {
    try {
      const pid = Number(readFileSync(this.#files.pid, 'utf8'));
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return pid > 1 && command.includes(`${this.#options.folder}/sshd_config`) ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  #reread(): void {
    const pid = this.#pid();
    if (pid !== undefined) process.kill(pid, 'SIGHUP');
  }

  #look(): void {
    if (this.#starting || this.#pid() !== undefined) return;
    const { folder, runDirectory, cgroups, log } = this.#options;
    const cgroup = cgroups.of('access');
    mkdirSync(cgroup, { recursive: true });
    const begin =
      'echo $$ > "$1/cgroup.procs" && mount --bind "$0/nsswitch.conf" /etc/nsswitch.conf &&' +
      ' mount --bind "$0/pam.d" /etc/pam.d && mount --bind "$0/extrausers" /var/lib/extrausers &&' +
      ` exec ${SSHD} -D -e -f "$0/sshd_config"`;
    const output = openSync(`${runDirectory}/sliver-sshd.log`, 'a', 0o600);
    this.#starting = true;
    // Later mounts of the daemon's come in, none of these goes out.
    const child = spawn(
      'unshare',
      ['--mount', '--propagation', 'slave', '--', 'sh', '-c', begin, folder, cgroup],
      { detached: true, cwd: '/', stdio: ['ignore', output, output], env: HOST_ENV },
    );
    closeSync(output);
    child.on('error', (err) => log.error({ err }, 'sliver-sshd could not be started'));
    child.on('exit', (code, signal) => {
      this.#starting = false;
      log.warn({ code, signal, log: `${runDirectory}/sliver-sshd.log` }, 'sliver-sshd ended');
    });
    child.unref();
    log.info({ pid: child.pid, port: this.#options.port }, 'sliver-sshd started');
  }
}

/** A newer version appears whole, with its rights: somebody may be logging in. */
function place(from: string, to: string, mode: number, gid: number): void {
  copyFileSync(from, `${to}.new`);
  chownSync(`${to}.new`, 0, gid);
  chmodSync(`${to}.new`, mode);
  renameSync(`${to}.new`, to);
}
