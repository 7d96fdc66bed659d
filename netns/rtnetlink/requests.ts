import type { RtNetlinkSocket } from 'netlink';
import { during } from '../../daemon/errors.ts';
import { attributesOf } from '../attributes.ts';
import { netlinkIn } from '../namespace.ts';

export const [AF_INET, AF_INET6] = [2, 10];
export const [CREATE, EXCL, REPLACE] = [0x400, 0x200, 0x100];
export const [UNIVERSE, LINK] = [0, 253];
const DUMP = 0x300;

export const familyOf = (address: Buffer) => (address.length === 16 ? AF_INET6 : AF_INET);

/** One of what the kernel has: the structure of its kind, and attributes by their numbers. */
export interface Listed {
  readonly data: Buffer;
  readonly attributes: Map<number, Buffer>;
}

/** What is asked of rtnetlink in one network namespace. */
export class Requests {
  readonly #netlink: RtNetlinkSocket;
  #last: Promise<unknown> = Promise.resolve();

  constructor(namespace: string) {
    this.#netlink = netlinkIn(namespace);
  }

  close(): void {
    this.#netlink.socket.close();
  }

  /** One request at a time: the answers of two listings on one socket run into each other. */
  ask<T>(request: (socket: RtNetlinkSocket) => Promise<T>): Promise<T> {
    const mine = this.#last.then(() => request(this.#netlink));
    this.#last = mine.catch(() => {});
    return mine;
  }

  /** To a request whose subject isn't there that is no error. */
  async unlessMissing(what: string, request: (socket: RtNetlinkSocket) => Promise<unknown>): Promise<void> {
    await during(what, async () => {
      try {
        await this.ask(request);
      } catch (error) {
        if (!/ENODEV|ENOENT|ESRCH|EADDRNOTAVAIL/.test(String(error))) throw error;
      }
    });
  }

  /**
   * All of a kind. Of a thousand links the library's own calls take fifty times as long to read all that the kernel knows.
   * @param question the structure of this kind, and attributes
   * @param size of the structure in the answers
   */
  async list(type: number, size: number, ...question: Buffer[]): Promise<Listed[]> {
    const [all] = await this.ask(({ socket }) => socket.request(type, question, { flags: DUMP }));
    return all.map(({ data }) => ({ data, attributes: attributesOf(data.subarray(size)) }));
  }
}
