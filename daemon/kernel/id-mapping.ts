import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { during, SliverdError } from '../errors.ts';
import { HOST_ENV } from './run.ts';

/**
 * A user namespace that maps ids 0 and up to `base` and up and belongs to the user `base`: what an idmapped mount wants, and
 * what a container can be in. The kernel gives one only
 * to a process that lives in it, so a child does, until `close`; its input is a pipe of ours, so it is gone whatever
 * happens to the daemon. It comes up while the caller does something else.
 */
export class IdMapping {
  readonly #base: number;
  readonly #count: number;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #up: Promise<unknown>;
  #fd: number | undefined;
  #complaint = '';

  constructor(base: number, count: number) {
    this.#base = base;
    this.#count = count;
    // With the capability, since some owners let none but root make user namespaces.
    const user = ['--reuid', `${base}`, '--regid', `${base}`, '--clear-groups'];
    const kept = ['--inh-caps', '+sys_admin', '--ambient-caps', '+sys_admin'];
    const args = [...user, ...kept, 'unshare', '--user', 'cat'];
    this.#child = spawn('setpriv', args, { cwd: '/', stdio: 'pipe', env: HOST_ENV });
    this.#child.on('error', (error) => {
      this.#complaint += error.message;
    });
    this.#child.stderr.on('data', (data) => {
      this.#complaint += data;
    });
    this.#child.stdin.on('error', () => {});
    this.#child.stdin.write('.'); // comes back once it is in its namespace
    const { stdout } = this.#child;
    this.#up = Promise.race([once(stdout, 'data'), once(stdout, 'close')]).catch(() => {});
  }

  /** An open descriptor of the user namespace, which is this object's. */
  async descriptor(): Promise<number> {
    return during(`mapping ids from ${this.#base}`, async () => {
      await this.#up;
      const { pid } = this.#child;
      try {
        for (const map of ['uid_map', 'gid_map'])
          writeFileSync(`/proc/${pid}/${map}`, `0 ${this.#base} ${this.#count}\n`);
        this.#fd = openSync(`/proc/${pid}/ns/user`, 'r');
        return this.#fd;
      } catch (cause) {
        throw new SliverdError('host-tool', `unshare --user: ${this.#complaint.trim() || 'ended early'}`, {
          cause,
        });
      }
    });
  }

  close(): void {
    this.#child.kill('SIGKILL');
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}
