import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { CgroupTree } from '../../cgroups/tree.ts';
import { explain, SliverdError } from '../../errors.ts';
import { run } from '../../kernel/run.ts';
import { keepFile, placeFile } from '../../kernel/whole-file.ts';
import type { Finding } from '../../node/doctor/finding.ts';
import type { SliverRecord } from '../../slivers/record.ts';
import type { SliceLoginFiles } from '../keys/files.ts';
import { ACCESS_GID, accountFiles, writeAccounts } from './accounts.ts';
import { HOST_KEYS, NSSWITCH, pamService, sshdConfig } from './configuration.ts';
import { type HostKey, hostKeys } from './host-keys.ts';
import { provideSftp } from './sftp.ts';
import { makeSockets, sweepSockets } from './sockets.ts';
import { SSHD, Sshd } from './sshd.ts';

export interface DoorOptions {
  /** `access` of the state folder. */
  readonly folder: string;
  readonly runDirectory: string;
  readonly cgroups: CgroupTree;
  /** As in node.yaml, from the root of the cgroup file system. */
  readonly cgroup: string;
  readonly port: number;
  /** Told to whoever logs in with a terminal. */
  readonly motd?: string;
  /** The systemd service that sliver-sshd is to be, where systemd runs the daemon. */
  readonly unit?: string;
  /** A slice's at once. */
  readonly sessions: number;
  readonly loginFiles: SliceLoginFiles;
  readonly log: Logger;
}

const BUILT = `${import.meta.dirname}/privileged/build`;
/** A folder of the package libnss-extrausers. */
const EXTRAUSERS = '/var/lib/extrausers';
const LOOK_EVERY = 2000;

const REQUIREMENT = {
  id: 'ssh',
  what: 'logging in by ssh',
  for: 'access.port of node.yaml',
  severity: 'degraded',
  cost: 'Nobody logs in to slivers: ssh SLICE@NODE is not answered.',
} as const;
const PACKAGES = 'apt-get install openssh-server libnss-extrausers; this looks again once a minute.';
const ANOTHER_PORT =
  "Set access.port to a free one, as 2222, and restart the daemon; or free it, which is noticed within a minute. The machine's own sshd is left as it is.";

/**
 * sliver-sshd: OpenSSH's, in a mount namespace where slices are accounts, and a cgroup of its own. It and its sessions
 * go on while the daemon is replaced (docs/decisions/0026-ssh-front-door.md). A node that can't have it does without.
 */
export class Door {
  readonly #options: DoorOptions;
  readonly #slivers: () => readonly SliverRecord[];
  readonly #sshd: Sshd;
  readonly #sockets: string;
  #prepared = false;
  #notPrepared: { why: string; mend: string } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  static async open(options: DoorOptions, slivers: () => readonly SliverRecord[]): Promise<Door> {
    const door = new Door(options, slivers);
    options.loginFiles.listen({
      slices: () => door.#prepared && door.#tell(),
      names: () => door.#sshd.reread(),
    });
    await door.#look();
    return door;
  }

  private constructor(options: DoorOptions, slivers: () => readonly SliverRecord[]) {
    this.#options = options;
    this.#slivers = slivers;
    const { runDirectory } = options;
    this.#sockets = `${runDirectory}/agents`;
    this.#sshd = new Sshd({
      ...options,
      pid: this.#pid,
      output: `${runDirectory}/sliver-sshd.log`,
      sockets: `${this.#sockets}/tmp`,
    });
  }

  /** Lets in whom it may, again and again: what a machine lacks may come. */
  async #look(): Promise<void> {
    const { log, port } = this.#options;
    try {
      if (!this.#prepared) await this.#prepare();
      this.#notPrepared = undefined;
      await this.#sshd.keep();
      sweepSockets(`${this.#sockets}/tmp`);
    } catch (error) {
      const why = explain(error);
      const lacks = error instanceof SliverdError && error.code === 'unsupported';
      if (why !== this.#notPrepared?.why) log.error({ err: error, port }, 'nobody can log in by ssh');
      this.#notPrepared = { why, mend: lacks ? PACKAGES : 'The log of the daemon says more.' };
    }
    const pause = this.#notPrepared ? 30 * LOOK_EVERY : LOOK_EVERY;
    if (!this.#closed) this.#timer = setTimeout(() => void this.#look(), pause).unref();
  }

  /** Whoever has a sliver has an account. */
  #tell(): void {
    const { folder } = this.#options;
    writeAccounts(`${folder}/extrausers`, accountFiles(this.#slivers(), folder, `${folder}/enter`));
  }

  get port(): number {
    return this.#options.port;
  }

  /** By which people know that it is this node. */
  get hostKeys(): HostKey[] {
    return this.#prepared ? hostKeys(`${this.#options.folder}/host`) : [];
  }

  /** What the doctor says of it. */
  get finding(): Finding {
    const why = this.#notPrepared?.why ?? this.#sshd.trouble;
    const mend = this.#notPrepared?.mend ?? ANOTHER_PORT;
    return { ...REQUIREMENT, mend, ok: why === undefined, detail: why ?? `port ${this.port}` };
  }

  /** sliver-sshd goes on. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Ends sliver-sshd; sessions ended with their slivers. Nothing that is set-uid stays. */
  async down(): Promise<void> {
    this.close();
    await this.#sshd.down();
    rmSync(`${this.#options.folder}/enter`, { force: true });
  }

  get #pid(): string {
    return `${this.#options.runDirectory}/sliver-sshd.pid`;
  }

  async #prepare(): Promise<void> {
    const { folder, runDirectory, cgroup, port, sessions, motd } = this.#options;
    if (![SSHD, EXTRAUSERS].every(existsSync))
      throw new SliverdError(
        'unsupported',
        "Debian's openssh-server and libnss-extrausers are not installed",
      );
    for (const path of [folder, `${folder}/host`, `${folder}/pam.d`, `${folder}/log`])
      mkdirSync(path, { recursive: true, mode: 0o755 });
    // No file, no record: /dev/null in its place can be locked by anybody, and a login waits 10 s for that.
    for (const name of ['lastlog', 'wtmp', 'btmp']) rmSync(`${folder}/log/${name}`, { force: true });
    writeFileSync(`${folder}/utmp`, '');
    mkdirSync('/run/sshd', { recursive: true, mode: 0o755 }); // sshd's own place for who isn't in yet
    for (const type of HOST_KEYS) {
      const file = `${folder}/host/ssh_host_${type}_key`;
      if (!existsSync(file)) await run('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', '', '-f', file]);
    }
    makeSockets(this.#sockets);
    await provideSftp(`${folder}/sftp`);
    const module = `${folder}/pam_sliver.so`;
    placeFile(`${BUILT}/pam_sliver.so`, module, 0o644);
    placeFile(`${BUILT}/enter`, `${folder}/enter`, 0o4750, ACCESS_GID);
    const pam = pamService(module, runDirectory, cgroup, sessions);
    // Whole, since people log in meanwhile.
    keepFile(`${folder}/enter.conf`, `${runDirectory} ${cgroup}\n`);
    keepFile(`${folder}/pam.d/sshd`, pam);
    keepFile(`${folder}/pam.d/other`, 'auth required pam_deny.so\naccount required pam_deny.so\n');
    keepFile(`${folder}/nsswitch.conf`, NSSWITCH);
    keepFile(`${folder}/motd`, motd ? `${motd.trimEnd()}\n` : '');
    const [file, config] = [`${folder}/sshd_config`, sshdConfig({ folder, pid: this.#pid, port })];
    const changed = !existsSync(file) || readFileSync(file, 'utf8') !== config;
    writeFileSync(file, config);
    if (!existsSync(`${folder}/revoked.conf`)) writeFileSync(`${folder}/revoked.conf`, '');
    await run(SSHD, ['-t', '-f', file]);
    this.#tell();
    if (changed) await this.#sshd.reread();
    this.#prepared = true;
  }
}
