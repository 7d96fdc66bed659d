import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
} from 'node:fs';
import { during, SliverdError } from '../../daemon/errors.ts';
import { run } from '../../daemon/kernel/run.ts';
import { attachMount, closeFd, detachMount, newMount } from '../../daemon/kernel/syscalls.ts';
import {
  AttachType,
  attachedTo,
  attachToCgroup,
  detachFromCgroup,
  openPinned,
  programId,
} from './syscall.ts';

/** What `npm run build` makes of *.bpf.c. */
const OBJECT = new URL('./build/sliver.bpf.o', import.meta.url).pathname;
const BPF_FS = 0xcafe4a11;
/** Names in a bpf file system have no dots. A folder of this name was not finished. */
const UNFINISHED = 'unfinished';

export type Hook = keyof typeof AttachType;
const HOOKS = Object.keys(AttachType) as Hook[];

/**
 * The programs and maps of one node, pinned in a bpf file system of its own, and attached to the cgroup that all its
 * slivers are in. They work on without the daemon, and a restarted one finds them: maps under `maps`, programs under
 * the hash of the file they come from, so that an upgraded daemon brings its own and keeps the maps.
 */
export class Programs {
  readonly #folder: string;
  readonly #cgroup: string;
  readonly #hash: string;

  private constructor(folder: string, cgroup: string, hash: string) {
    this.#folder = folder;
    this.#cgroup = cgroup;
    this.#hash = hash;
  }

  /**
   * Mounts, loads and attaches what isn't there yet.
   * @param folder where the bpf file system is, or is to be mounted
   * @param cgroup the slivers' parent
   * @param object what the programs are compiled to
   */
  static async load(folder: string, cgroup: string, object = OBJECT): Promise<Programs> {
    return during(`loading the BPF programs into ${folder}`, async () => {
      if (!existsSync(object))
        throw new SliverdError('host-tool', `${object} is missing: run 'npm run build' (scripts/build)`);
      mkdirSync(folder, { recursive: true });
      if (statfsSync(folder).type !== BPF_FS) mountAt(folder);
      const hash = createHash('sha256').update(readFileSync(object)).digest('hex').slice(0, 16);
      const programs = new Programs(folder, cgroup, hash);
      await programs.#pin(object);
      programs.attach();
      programs.#replaceOlder();
      return programs;
    });
  }

  /** A map, by its name in maps.h: a descriptor that the caller closes. */
  openMap(name: string): number {
    return openPinned(`${this.#folder}/maps/${name}`);
  }

  /** A program, by its function's name: a descriptor that the caller closes. */
  openProgram(name: string): number {
    return openPinned(this.pathOf(name));
  }

  /** Where a program is pinned, for tools that attach it. */
  pathOf(name: string): string {
    return `${this.#folder}/${this.#hash}/${name}`;
  }

  /** Attaches what isn't attached (any more). @returns what had to be */
  attach(): Hook[] {
    return this.#inCgroup((cgroup) =>
      this.#hooks(this.#hash).filter((hook) =>
        withFd(this.openProgram(hook), (program) => {
          if (attachedTo(cgroup, hook).includes(programId(program))) return false;
          attachToCgroup(cgroup, program, hook);
          return true;
        }),
      ),
    );
  }

  /** Takes everything out of the kernel, the claims too. */
  remove(): void {
    for (const hash of this.#versions()) this.#detach(hash);
    if (!detachMount(this.#folder)) throw new SliverdError('kernel', `${this.#folder} is not mounted`);
  }

  async #pin(object: string): Promise<void> {
    const programs = `${this.#folder}/${this.#hash}`;
    if (existsSync(programs)) return;
    const [maps = '', unfinished = '', fresh = ''] = ['maps', UNFINISHED, `${UNFINISHED}_maps`].map(
      (name) => `${this.#folder}/${name}`,
    );
    for (const left of [unfinished, fresh]) rmSync(left, { recursive: true, force: true });
    for (const folder of [maps, fresh]) mkdirSync(folder, { recursive: true });
    // Maps of a version before stay, as far as this one has them: a map's name stands for its layout (maps.h).
    const names = readFileSync(object);
    const kept = readdirSync(maps).filter((name) => names.includes(`\0${name}\0`));
    const reuse = kept.flatMap((name) => ['map', 'name', name, 'pinned', `${maps}/${name}`]);
    await run('bpftool', ['prog', 'loadall', object, unfinished, ...reuse, 'pinmaps', fresh]);
    for (const name of readdirSync(fresh).filter((name) => !kept.includes(name)))
      renameSync(`${fresh}/${name}`, `${maps}/${name}`);
    rmSync(fresh, { recursive: true });
    renameSync(unfinished, programs); // appears with all that belongs under it, wherever a crash comes
  }

  /** Programs of another version are attached until the new ones are: no bind goes unseen. */
  #replaceOlder(): void {
    for (const hash of this.#versions().filter((name) => name !== this.#hash)) {
      this.#detach(hash);
      rmSync(`${this.#folder}/${hash}`, { recursive: true });
    }
  }

  #detach(hash: string): void {
    if (!existsSync(this.#cgroup)) return;
    this.#inCgroup((cgroup) => {
      for (const hook of this.#hooks(hash))
        withFd(openPinned(`${this.#folder}/${hash}/${hook}`), (program) =>
          detachFromCgroup(cgroup, program, hook),
        );
    });
  }

  #versions(): string[] {
    return readdirSync(this.#folder).filter((name) => /^[0-9a-f]{16}$/.test(name));
  }

  #hooks(hash: string): Hook[] {
    const pinned = readdirSync(`${this.#folder}/${hash}`);
    return HOOKS.filter((hook) => pinned.includes(hook));
  }

  #inCgroup<T>(work: (cgroup: number) => T): T {
    const cgroup = openSync(this.#cgroup, 'r');
    try {
      return work(cgroup);
    } finally {
      closeSync(cgroup);
    }
  }
}

function withFd<T>(fd: number, work: (fd: number) => T): T {
  try {
    return work(fd);
  } finally {
    closeFd(fd);
  }
}

function mountAt(folder: string): void {
  const mount = newMount('bpf', { mode: '700' });
  try {
    attachMount(mount, folder);
  } finally {
    closeFd(mount);
  }
}
