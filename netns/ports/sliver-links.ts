import { word } from '../attributes.ts';
import { keys, lookup, remove, update } from '../bpf/syscall.ts';

/** Which sliver is behind a link of the node's, as the programs see it. */
export class SliverLinks {
  readonly #fd: number;
  readonly #links = new Map<number, number>();

  /** @param fd of the map `links`, not closed here; what an earlier daemon put in stays until its sliver has another */
  constructor(fd: number) {
    this.#fd = fd;
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
    this.#links.set(id, link);
  }

  /** A link's index is not given again: without this the map would be full one day. */
  remove(id: number): void {
    const link = this.#links.get(id);
    if (link !== undefined) remove(this.#fd, word(link));
    this.#links.delete(id);
  }
}
