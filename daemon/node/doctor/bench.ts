import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { readCgroup, writeCgroup } from '../../cgroups/files.ts';
import { killCgroup, removeCgroup } from '../../cgroups/tree.ts';
import { Crun } from '../../environments/namespaces/crun.ts';
import { SliverdError } from '../../errors.ts';
import { mounts } from '../../kernel/mounts.ts';
import { run } from '../../kernel/run.ts';
import { detachMount } from '../../kernel/syscalls.ts';

export interface BenchOptions {
  readonly stateDirectory: string;
  readonly runDirectory: string;
  /** A cgroup v2 directory to try things below: the mount point, or the parent of all slivers. */
  readonly cgroupRoot: string;
  readonly profilesDir: string;
}

const CGROUP_MOUNT = '/sys/fs/cgroup';
const CGROUP2_MAGIC = 0x63677270;

/**
 * Where probes try things: folders and cgroups named by our pid, made when first asked for, and cleared afterwards
 * whatever the probes did. What a killed examination left is cleared by the next one.
 */
export class Bench {
  readonly options: BenchOptions;
  readonly #name = `doctor-${process.pid}`;
  readonly #enabled: string[] = [];
  /** Directories that an examination before the first start had to make, innermost first. */
  readonly #made: string[] = [];

  constructor(options: BenchOptions) {
    this.options = options;
    for (const directory of [options.stateDirectory, options.runDirectory]) this.#make(directory);
  }

  #make(directory: string): void {
    try {
      const outermost = mkdirSync(directory, { recursive: true, mode: 0o711 });
      if (!outermost) return;
      for (let at = directory; at.length >= outermost.length; at = dirname(at)) this.#made.push(at);
    } catch {
      // Whatever needs it will say so.
    }
  }

  /** An empty folder below the state directory. */
  stateFolder(name: string): string {
    return fresh(`${this.options.stateDirectory}/${this.#name}/${name}`);
  }

  /** An empty folder below the run directory, where mount points and bundles of slivers are, too. */
  runFolder(name: string): string {
    return fresh(`${this.options.runDirectory}/${this.#name}/${name}`);
  }

  crun(): Crun {
    return new Crun(`${this.options.runDirectory}/${this.#name}/crun`);
  }

  /** Says whether cgroup v2 is where it must be; nothing may be made below a v1 hierarchy, which is the machine's. */
  requireCgroup2(): void {
    const { cgroupRoot } = this.options;
    const type = statfsSync(cgroupRoot).type;
    if (type !== CGROUP2_MAGIC || readCgroup(`${cgroupRoot}/cgroup.controllers`) === undefined)
      throw new SliverdError('unsupported', `${cgroupRoot} is not a cgroup v2 hierarchy`);
  }

  /** An empty cgroup, with `controller` where one is asked for. */
  cgroup(name: string, controller?: string): string {
    this.requireCgroup2();
    if (controller) this.#enable(this.options.cgroupRoot, controller);
    const parent = `${this.options.cgroupRoot}/${this.#name}`;
    mkdirSync(parent, { recursive: true });
    if (controller) this.#enable(parent, controller);
    mkdirSync(`${parent}/${name}`, { recursive: true });
    return `${parent}/${name}`;
  }

  /** Of a cgroup here, as crun wants it. */
  cgroupPath(name: string): string {
    return this.cgroup(name).slice(CGROUP_MOUNT.length);
  }

  #enable(cgroup: string, controller: string): void {
    const words = (file: string) => (readCgroup(`${cgroup}/${file}`) ?? '').split(' ');
    if (words('cgroup.subtree_control').includes(controller)) return;
    if (!words('cgroup.controllers').includes(controller))
      throw new SliverdError('unsupported', `${cgroup} has no ${controller} controller`);
    writeCgroup(`${cgroup}/cgroup.subtree_control`, `+${controller}`);
    if (cgroup === this.options.cgroupRoot) this.#enabled.push(controller);
  }

  /** Takes everything away again, and what other examinations left that are no more. */
  async clear(): Promise<void> {
    const { stateDirectory, runDirectory, cgroupRoot } = this.options;
    for (const name of left(cgroupRoot, this.#name)) await clearCgroup(`${cgroupRoot}/${name}`);
    for (const parent of [runDirectory, stateDirectory])
      for (const name of left(parent, this.#name)) await clearFolder(`${parent}/${name}`);
    this.#restoreControllers();
    for (const directory of this.#made.splice(0))
      if (readdirSync(directory).length === 0) rmdirSync(directory);
  }

  /** A controller that was off is switched off again, unless somebody has begun to use it: its limits would go. */
  #restoreControllers(): void {
    const { cgroupRoot } = this.options;
    if (this.#enabled.length === 0) return;
    if (readdirSync(cgroupRoot, { withFileTypes: true }).some((entry) => entry.isDirectory())) return;
    for (const controller of this.#enabled.splice(0))
      writeCgroup(`${cgroupRoot}/cgroup.subtree_control`, `-${controller}`);
  }
}

function fresh(path: string): string {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true, mode: 0o711 });
  return path;
}

function left(parent: string, own: string): string[] {
  if (!statSync(parent, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(parent).filter((name) => {
    const [, pid] = /^doctor-(\d+)$/.exec(name) ?? [];
    return pid && (name === own || !existsSync(`/proc/${pid}`));
  });
}

async function clearCgroup(path: string): Promise<void> {
  await killCgroup(path);
  removeCgroup(path);
}

async function clearFolder(path: string): Promise<void> {
  const crun = new Crun(`${path}/crun`);
  for (const id of crun.list()) await crun.delete(id);
  for (const { target } of mounts().reverse()) if (target.startsWith(`${path}/`)) detachMount(target);
  await run('rm', ['-rf', '--one-file-system', '--', path]);
  // With rm missing or failing on a mount, the folder would stay unseen.
  if (existsSync(path)) rmdirSync(path);
}
