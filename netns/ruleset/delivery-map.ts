import { getSystemErrorName } from 'node:util';
import type { NetlinkSocket } from 'netlink';
import { during } from '../../daemon/errors.ts';
import { attribute, nested, word } from '../attributes.ts';
import { NETLINK_NETFILTER, netlinkSocket } from '../namespace.ts';
import { markOf } from '../numbers.ts';
import { TABLE } from './expressions.ts';

const [BATCH_BEGIN, BATCH_END, NEW_ELEMENTS, DELETE_ELEMENTS] = [0x10, 0x11, 0xa0c, 0xa0e];
const [ERROR, REQUEST, ACK, CREATE] = [2, 1, 4, 0x400];
const [IN_TABLE, IN_SET, ELEMENTS, ELEMENT, KEY, DATA, VALUE] = [1, 2, 3, 1, 1, 2, 1];
/** struct nfgenmsg: of the device family; and, around a batch, for nf_tables. */
const [NETDEV, FOR_TABLES] = [Buffer.from([5, 0, 0, 0]), Buffer.from([0, 0, 0, 10])];
/** An attribute has no room for all slivers that there can be. */
const AT_ONCE = 1000;

/**
 * Which link each sliver is behind: the map that netns/ruleset/delivery.ts hands over by. Not by libnftables, which lists all
 * links of the node to know one by its name: with 500 slivers that takes 12 ms.
 */
export class DeliveryMap {
  /** Kept, as that of netns/nftables.ts. */
  #socket: NetlinkSocket | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /**
   * In one transaction of the kernel's.
   * @param links the links' indices by the slivers' ids
   * @param anew whether it is all of them
   */
  async deliver(links: ReadonlyMap<number, number>, anew = false): Promise<void> {
    const all = [...links].map(([id, index]) =>
      nested(ELEMENT, nested(KEY, value(markOf(id))), nested(DATA, value(index))),
    );
    const groups = Array.from({ length: Math.ceil(all.length / AT_ONCE) }, (_, at) =>
      all.slice(at * AT_ONCE, (at + 1) * AT_ONCE),
    );
    const map = [NETDEV, text(IN_TABLE, TABLE), text(IN_SET, 'links')];
    const messages = [
      ...(anew ? [message(DELETE_ELEMENTS, ACK, ...map)] : []),
      ...groups.map((group) => message(NEW_ELEMENTS, ACK | CREATE, ...map, nested(ELEMENTS, ...group))),
    ];
    const mine = this.#last.then(() =>
      during('saying which link each sliver is behind', () => this.#transact(messages)),
    );
    this.#last = mine.catch(() => {});
    await mine;
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  async #transact(messages: readonly Buffer[]): Promise<void> {
    this.#socket ??= netlinkSocket(NETLINK_NETFILTER);
    const socket = this.#socket;
    const batch = [message(BATCH_BEGIN, 0, FOR_TABLES), ...messages, message(BATCH_END, 0, FOR_TABLES)];
    socket.ref();
    try {
      await new Promise<void>((resolve, reject) => {
        let answers = 0;
        socket.removeAllListeners().on('error', reject);
        socket.on('message', ([answer]) => {
          const code = answer?.type === ERROR ? answer.data.readInt32LE() : 0;
          if (code !== 0) reject(new Error(`Request rejected: ${getSystemErrorName(code)}`));
          else if (++answers === messages.length) resolve();
        });
        socket.socket.send(Buffer.concat(batch), {}, (error) => error && reject(error));
      });
      socket.ref(false);
    } catch (error) {
      this.close(); // with the answers that are still to come
      throw error;
    }
  }
}

function message(type: number, flags: number, ...parts: Buffer[]): Buffer {
  const header = Buffer.alloc(16); // struct nlmsghdr
  const whole = Buffer.concat([header, ...parts]);
  whole.writeUInt32LE(whole.length, 0);
  whole.writeUInt16LE(type, 4);
  whole.writeUInt16LE(REQUEST | flags, 6);
  return whole;
}

const text = (type: number, of: string) => attribute(type, Buffer.from(`${of}\0`));

const value = (of: number) => attribute(VALUE, word(of));
