import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { during, explain, SliverdError } from '../../daemon/errors.ts';
import { closeFd } from '../../daemon/kernel/syscalls.ts';
import { CgroupHooks } from './cgroup-hooks.ts';
import { GROUPS, type Group } from './groups.ts';
import { Pins } from './pins.ts';
import { mapName, openById } from './syscall.ts';

/** What scripts/build makes of *.bpf.c. */
const OBJECTS = new URL('./build', import.meta.url).pathname;

/** What doesn't hold because the kernel refused a program of a group. */
export interface Lacking {
  readonly what: string;
  readonly why: string;
  readonly cost: string;
}

/**
 * The programs and maps of one node, pinned, and attached to the cgroup that all its slivers are in. They work on
 * without the daemon, and a restarted one finds them. A group that the kernel refuses is done without, unless all
 * depends on it: then nothing of it is left.
 */
export class Programs {
  readonly lacking: Lacking[] = [];
  readonly #pins: Pins;
  readonly #hooks: CgroupHooks;
  readonly #version: string;
  readonly #maps = new Map<string, number>();
  readonly #programs = new Map<string, number>();

  private constructor(folder: string, cgroup: string, version: string) {
    this.#pins = new Pins(folder);
    this.#hooks = new CgroupHooks(cgroup);
    this.#version = version;
  }

  /**
   * Mounts, loads and attaches what isn't there yet.
   * @param folder where the bpf file system is, or is to be mounted
   * @param cgroup the slivers' parent
   * @param objects the folder of what the programs are compiled to
   */
  static async load(folder: string, cgroup: string, objects = OBJECTS): Promise<Programs> {
    return during(`loading the BPF programs into ${folder}`, async () => {
      const programs = new Programs(folder, cgroup, versionOf(objects));
      try {
        await programs.#load(objects);
        return programs;
      } catch (error) {
        programs.close();
        Programs.remove(folder, cgroup); // half an arbitration is none
        throw error;
      }
    });
  }

  /** Takes away what a daemon left, though this one could not load it. */
  static remove(folder: string, cgroup: string): void {
    const programs = new Programs(folder, cgroup, '');
    try {
      programs.#hooks.detachOthers(new Map());
    } catch {
      // Where bpf(2) itself is refused nothing can be asked for, and nothing of ours was attached.
    }
    programs.#pins.unmount();
  }

  /** A map's descriptor, by its name in maps.h. */
  map(name: string): number {
    return descriptor(this.#maps, name);
  }

  /** A program's descriptor, by its function's name. */
  program(name: string): number {
    return descriptor(this.#programs, name);
  }

  /** Whether the kernel took it. */
  has(program: string): boolean {
    return this.#programs.has(program);
  }

  /** Puts back what somebody took away: attachments, names, the file system that they are in. @returns what it was */
  repair(): string[] {
    const mended: string[] = this.#hooks.attach(this.#programs);
    if (this.#pins.mount()) mended.push('the bpf file system');
    const [maps, programs] = [this.#pins.maps(), this.#pins.programs(this.#version)];
    for (const [name, fd] of this.#maps)
      if (!maps.includes(name)) {
        this.#pins.pinMap(name, fd);
        mended.push(`the name of the map ${name}`);
      }
    for (const [name, fd] of this.#programs)
      if (!programs.includes(name)) {
        this.#pins.pinProgram(this.#version, name, fd);
        mended.push(`the name of the program ${name}`);
      }
    return mended;
  }

  /** Lets go of it; all of it stays in the kernel. */
  close(): void {
    for (const fds of [this.#maps, this.#programs]) {
      for (const fd of fds.values()) closeFd(fd);
      fds.clear();
    }
  }

  /** Takes everything out of the kernel, the claims too. */
  remove(): void {
    this.close();
    this.#hooks.detachOthers(new Map());
    this.#pins.unmount();
  }

  async #load(objects: string): Promise<void> {
    this.#pins.mount();
    this.#findMaps();
    for (const group of GROUPS) await this.#loadGroup(group, `${objects}/${group.name}.bpf.o`);
    for (const name of this.#pins.maps()) this.#maps.set(name, this.#pins.openMap(name));
    for (const name of this.#pins.programs(this.#version))
      this.#programs.set(name, this.#pins.openProgram(this.#version, name));
    // Programs of another version are attached until the new ones are: no bind goes unseen.
    this.#hooks.attach(this.#programs);
    this.#hooks.detachOthers(this.#programs);
    this.#pins.forgetOthers(this.#version);
  }

  async #loadGroup({ programs, optional }: Group, object: string): Promise<void> {
    const pinned = this.#pins.programs(this.#version);
    if (programs.every((name) => pinned.includes(name))) return;
    try {
      if (!existsSync(object))
        throw new SliverdError('host-tool', `${object} is missing: run 'npm run build' (scripts/build)`);
      await this.#pins.load(object, this.#version);
    } catch (error) {
      if (!optional) throw error;
      this.lacking.push({ ...optional, why: explain(error) });
    }
  }

  /** Programs that are attached know the maps with the claims, though somebody unmounted their names. */
  #findMaps(): void {
    for (const id of this.#hooks.maps()) {
      const fd = openById('map', id);
      try {
        const name = mapName(fd);
        // One with a dot is constants of an object's, and goes with it.
        if (!name.includes('.') && !this.#pins.maps().includes(name)) this.#pins.pinMap(name, fd);
      } finally {
        closeFd(fd);
      }
    }
  }
}

function descriptor(fds: ReadonlyMap<string, number>, name: string): number {
  const fd = fds.get(name);
  if (fd === undefined) throw new SliverdError('internal', `nothing called ${name} is loaded`);
  return fd;
}

/** Changes with any of the objects. */
function versionOf(objects: string): string {
  const hash = createHash('sha256');
  for (const { name } of GROUPS) {
    const object = `${objects}/${name}.bpf.o`;
    if (existsSync(object)) hash.update(readFileSync(object));
  }
  return hash.digest('hex').slice(0, 16);
}
