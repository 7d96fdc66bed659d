import { createRequire } from 'node:module';
import { during } from '../../daemon/errors.ts';
import { attribute } from '../links.ts';
import { markOf } from '../numbers.ts';

const NETLINK_NETFILTER = 12;
/** Of the subsystem of connections; without addresses in it, all that the marks fit. */
const IPCTNL_MSG_CT_DELETE = (1 << 8) | 2;
const [CTA_MARK, CTA_MARK_MASK] = [8, 21];
const NFGENMSG = Buffer.alloc(4); // of all protocols

/**
 * The kernel forgets the connections of a sliver that is gone, which it would keep for days: they take places in its table,
 * and the sliver, or another one with the same id, would begin with new ones beside them.
 */
export async function forgetConnections(id: number): Promise<void> {
  const { createNetlink } = createRequire(import.meta.url)('netlink') as typeof import('netlink');
  const socket = createNetlink(NETLINK_NETFILTER);
  try {
    const mark = [
      attribute(CTA_MARK, bigEndian(markOf(id))),
      attribute(CTA_MARK_MASK, bigEndian(0xffff_ffff)),
    ];
    await during(`forgetting the connections of sliver ${id}`, () =>
      socket.request(IPCTNL_MSG_CT_DELETE, [NFGENMSG, ...mark]),
    );
  } finally {
    socket.close();
  }
}

function bigEndian(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
