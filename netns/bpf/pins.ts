import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { run } from '../../daemon/kernel/run.ts';
import { attachMount, closeFd, detachMount, newMount } from '../../daemon/kernel/syscalls.ts';
import { openPinned, pin } from './syscall.ts';

const BPF_FS = 0xcafe4a11;
/** Names that we give have no dots, the kernel's own there have. A folder of this name was not finished. */
const UNFINISHED = 'unfinished';
const MAPS = 'maps';

/**
 * A bpf file system of the node's own: maps under `maps`, programs under the version that they are of, so that an
 * upgraded daemon brings its own programs and keeps the maps.
 */
export class Pins {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Mounts it, unless it is. @returns whether it had to */
  mount(): boolean {
    mkdirSync(this.#folder, { recursive: true });
    if (statfsSync(this.#folder).type === BPF_FS) return false;
    const mount = newMount('bpf', { mode: '700' });
    try {
      attachMount(mount, this.#folder);
    } finally {
      closeFd(mount);
    }
    return true;
  }

  unmount(): void {
    detachMount(this.#folder);
  }

  maps(): string[] {
    return this.#list(MAPS);
  }
  programs(version: string): string[] {
    return this.#list(version);
  }
  openMap(name: string): number {
    return openPinned(`${this.#folder}/${MAPS}/${name}`);
  }
  openProgram(version: string, name: string): number {
    return openPinned(`${this.#folder}/${version}/${name}`);
  }

  pinMap(name: string, fd: number): void {
    this.#pin(MAPS, name, fd);
  }
  pinProgram(version: string, name: string, fd: number): void {
    this.#pin(version, name, fd);
  }

  /** Loads the programs of an object under a version; maps that are there already, by their names, are theirs too. */
  async load(object: string, version: string): Promise<void> {
    const [maps = '', programs = '', unfinished = '', fresh = ''] = [
      ...[MAPS, version, UNFINISHED, `${UNFINISHED}_maps`],
    ].map((name) => `${this.#folder}/${name}`);
    for (const left of [unfinished, fresh]) rmSync(left, { recursive: true, force: true });
    for (const folder of [maps, programs, fresh]) mkdirSync(folder, { recursive: true });
    // Maps of a version before stay, as far as this one has them: a map's name stands for its layout (maps.h).
    const names = readFileSync(object);
    const kept = this.maps().filter((name) => names.includes(`\0${name}\0`));
    const reuse = kept.flatMap((name) => ['map', 'name', name, 'pinned', `${maps}/${name}`]);
    try {
      await run('bpftool', ['prog', 'loadall', object, unfinished, ...reuse, 'pinmaps', fresh]);
      for (const name of readdirSync(fresh).filter((name) => !kept.includes(name)))
        renameSync(`${fresh}/${name}`, `${maps}/${name}`);
      for (const name of readdirSync(unfinished)) renameSync(`${unfinished}/${name}`, `${programs}/${name}`);
    } finally {
      for (const left of [unfinished, fresh]) rmSync(left, { recursive: true, force: true });
    }
  }

  /** Programs of other versions are not kept any more. */
  forgetOthers(version: string): void {
    for (const name of readdirSync(this.#folder))
      if (name !== MAPS && name !== version && !name.includes('.'))
        rmSync(`${this.#folder}/${name}`, { recursive: true });
  }

  #list(folder: string): string[] {
    const path = `${this.#folder}/${folder}`;
    return existsSync(path) ? readdirSync(path) : [];
  }

  #pin(folder: string, name: string, fd: number): void {
    mkdirSync(`${this.#folder}/${folder}`, { recursive: true });
    pin(fd, `${this.#folder}/${folder}/${name}`);
  }
}
