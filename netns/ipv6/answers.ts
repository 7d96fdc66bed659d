import { openNetlink } from '../../daemon/kernel/sockets.ts';
import { closeFd } from '../../daemon/kernel/syscalls.ts';
import { packed } from '../address.ts';
import { dump, listed } from '../dump.ts';
import { NETLINK_ROUTE } from '../namespace.ts';
import { NDA_DST, NDMSG, proxyQuestion, RTM_GETNEIGH } from '../rtnetlink/neighbours.ts';
import type { SliverPrefix } from './prefix.ts';

/** In the answers: the structure, the header of the first attribute, the last two bytes of an address. */
const [ADDRESS, ID] = [NDMSG + 4, NDMSG + 4 + 14];

/** Looks whether the machine answers its neighbours for slivers: of an answer that is taken away the kernel tells nobody. */
export class Answers {
  #fd: number | undefined;
  /** What the kernel told when last all was there, and for what. */
  #whole: { told: Buffer; of: string } | undefined;

  /** Whether it answers on this link for each of the slivers. */
  areThere(link: number, prefix: SliverPrefix, ids: readonly number[]): boolean {
    const told = this.#told();
    const of = [link, prefix, ...ids].join(' ');
    if (this.#whole?.of === of && this.#whole.told.equals(told)) return true;
    const network = packed(prefix).subarray(0, ID - ADDRESS);
    const answered = new Set<number>();
    for (const message of listed(told, 'rtnetlink'))
      if (
        message.readInt32LE(4) === link &&
        message.readUInt16LE(ADDRESS - 2) === NDA_DST &&
        network.compare(message, ADDRESS, ID) === 0
      )
        answered.add(message.readUInt16BE(ID));
    const whole = ids.every((id) => answered.has(id));
    this.#whole = whole ? { told, of } : undefined;
    return whole;
  }

  close(): void {
    if (this.#fd !== undefined) closeFd(this.#fd);
    this.#fd = undefined;
  }

  #told(): Buffer {
    this.#fd ??= openNetlink(NETLINK_ROUTE, 'rtnetlink');
    try {
      return dump(this.#fd, RTM_GETNEIGH, proxyQuestion(), 'rtnetlink');
    } catch (error) {
      this.close(); // with the rest of the answer
      throw error;
    }
  }
}
