import { keys, lookup, remove, update } from '../bpf/syscall.ts';
import { cookieOf } from '../namespace.ts';
import { HOME_BYTES } from './layout.ts';

/** Which network namespaces are slivers', as the programs see it. */
export class Homes {
  readonly #fd: number;
  readonly #cookies = new Map<number, Buffer>();
  /** The paths that namespaces were added by; not known of those that an earlier daemon added. */
  readonly #paths = new Map<number, string>();

  /** @param fd of the map `homes`, not closed here */
  constructor(fd: number) {
    this.#fd = fd;
    for (const cookie of [...keys(fd, 8)]) {
      const home = this.#read(cookie);
      if (home) this.#cookies.set(home.readUInt32LE(0), cookie);
    }
  }

  add(id: number, namespace: string): void {
    const cookie = Buffer.alloc(8);
    cookie.writeBigUInt64LE(cookieOf(namespace));
    const known = this.#cookies.get(id);
    if (!known?.equals(cookie)) {
      this.remove(id); // it was started anew
      const home = Buffer.alloc(HOME_BYTES);
      home.writeUInt32LE(id);
      update(this.#fd, cookie, home);
      this.#cookies.set(id, cookie);
    }
    this.#paths.set(id, namespace);
  }

  remove(id: number): void {
    const cookie = this.#cookies.get(id);
    if (cookie) remove(this.#fd, cookie);
    this.#cookies.delete(id);
    this.#paths.delete(id);
  }

  ids(): number[] {
    return [...this.#cookies.keys()];
  }

  namespaceOf(id: number): string | undefined {
    return this.#paths.get(id);
  }

  /** How many binds were denied to a sliver since it was added. */
  denied(id: number): number {
    const cookie = this.#cookies.get(id);
    const home = cookie && this.#read(cookie);
    return home ? Number(home.readBigUInt64LE(8)) : 0;
  }

  #read(cookie: Buffer): Buffer | undefined {
    const home = Buffer.alloc(HOME_BYTES);
    return lookup(this.#fd, cookie, home) ? home : undefined;
  }
}
