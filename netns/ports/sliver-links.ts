import { word } from '../attributes.ts';
import type { Programs } from '../bpf/programs.ts';
import { keys, lookup, remove, update } from '../bpf/syscall.ts';

const NONE = 0;

/** Which sliver is behind a link of the node's, and which link a sliver is behind, as the programs see it. */
export class SliverLinks {
  readonly #fd: number;
  readonly #ends: number;
  readonly #links = new Map<number, number>();

  /** @param programs whose maps `links` and `ends` they are; what an earlier daemon put in stays until its sliver has another */
  constructor(programs: Programs) {
    const fd = programs.map('links');
    this.#fd = fd;
    this.#ends = programs.map('ends');
    const links = [...keys(fd, 4)].map((key) => key.readUInt32LE()).sort((a, b) => a - b);
    for (const link of links) {
      const id = Buffer.alloc(4);
      if (!lookup(fd, word(link), id)) continue;
      this.remove(id.readUInt32LE()); // an older one: they are numbered upwards
      this.#links.set(id.readUInt32LE(), link);
    }
  }

  /** @param link its index */
  add(id: number, link: number): void {
    if (this.#links.get(id) !== link) this.remove(id);
    update(this.#fd, word(link), word(id));
    update(this.#ends, word(id), word(link));
    this.#links.set(id, link);
  }

  /** A link's index is not given again: without this the map would be full one day. */
  remove(id: number): void {
    const link = this.#links.get(id);
    if (link !== undefined) remove(this.#fd, word(link));
    update(this.#ends, word(id), word(NONE));
    this.#links.delete(id);
  }
}
