import { closeSync, existsSync, openSync } from 'node:fs';
import { closeFd } from '../../daemon/kernel/syscalls.ts';
import {
  AttachType,
  attachedTo,
  attachToCgroup,
  detachFromCgroup,
  openById,
  programInfo,
} from './syscall.ts';

export type Hook = keyof typeof AttachType;
const HOOKS = Object.keys(AttachType) as Hook[];

/** Programs by name, a descriptor each. */
type Descriptors = ReadonlyMap<string, number>;

/** What is attached to the cgroup that all slivers are in. Ours are known by their names there, as those are the hooks'. */
export class CgroupHooks {
  readonly #cgroup: string;
  /** The kernel's numbers of programs, which don't change. */
  readonly #ids = new Map<number, number>();

  constructor(cgroup: string) {
    this.#cgroup = cgroup;
  }

  /** Attaches those that aren't (any more). @returns which */
  attach(programs: Descriptors): Hook[] {
    return this.#inCgroup((cgroup) =>
      HOOKS.filter((hook) => {
        const program = programs.get(hook);
        if (program === undefined || attachedTo(cgroup, hook).includes(this.#idOf(program))) return false;
        attachToCgroup(cgroup, program, hook);
        return true;
      }),
    );
  }

  /** Detaches those of ours that aren't among these: of another version, or of a daemon whose pins are gone. */
  detachOthers(programs: Descriptors): void {
    if (!existsSync(this.#cgroup)) return;
    const ids = [...programs.values()].map((fd) => this.#idOf(fd));
    this.#inCgroup((cgroup) =>
      this.#each(cgroup, (hook, program, id) => {
        if (!ids.includes(id)) detachFromCgroup(cgroup, program, hook);
      }),
    );
  }

  /** The kernel's numbers of the maps that they use. */
  maps(): Set<number> {
    const found = new Set<number>();
    this.#inCgroup((cgroup) =>
      this.#each(cgroup, (_hook, _program, _id, maps) => {
        for (const map of maps) found.add(map);
      }),
    );
    return found;
  }

  #each(cgroup: number, visit: (hook: Hook, program: number, id: number, maps: number[]) => void): void {
    for (const hook of HOOKS)
      for (const id of attachedTo(cgroup, hook)) {
        const program = openById('program', id);
        try {
          const { name, maps } = programInfo(program);
          if (name === hook) visit(hook, program, id, maps);
        } finally {
          closeFd(program);
        }
      }
  }

  #idOf(program: number): number {
    const known = this.#ids.get(program);
    if (known !== undefined) return known;
    const { id } = programInfo(program);
    this.#ids.set(program, id);
    return id;
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
