import type { NetlinkSocket } from 'netlink';
import { during } from '../daemon/errors.ts';
import { attribute, attributesOf, bigEndian, nested } from './attributes.ts';
import { NETLINK_NETFILTER, netlinkSocket } from './namespace.ts';
import { markOf } from './numbers.ts';

/** Of ctnetlink; a deletion without addresses in it is of all that the marks fit. */
const [IPCTNL_MSG_CT_GET, IPCTNL_MSG_CT_DELETE] = [0x101, 0x102];
const DUMP = 0x300;
const [CTA_TUPLE_ORIG, CTA_MARK, CTA_ID, CTA_MARK_MASK, CTA_FILTER] = [1, 8, 12, 21, 25];
const [CTA_TUPLE_PROTO, CTA_PROTO_NUM] = [2, 1];
const [CTA_FILTER_ORIG_FLAGS, BY_PROTOCOL] = [1, 8];
/** struct nfgenmsg: of all families, and of IPv4. */
const [ANY, IPV4] = [Buffer.alloc(4), Buffer.from([2, 0, 0, 0])];

/**
 * The kernel forgets the connections of a sliver that is gone, which it would keep for days: they take places in its table,
 * and the sliver, or another one with the same id, would begin with new ones beside them.
 */
export function forgetConnections(id: number): Promise<void> {
  const mark = [attribute(CTA_MARK, bigEndian(markOf(id))), attribute(CTA_MARK_MASK, bigEndian(0xffff_ffff))];
  return asking(`forgetting the connections of sliver ${id}`, async (socket) => {
    await socket.request(IPCTNL_MSG_CT_DELETE, [ANY, ...mark]);
  });
}

/**
 * The kernel forgets all flows of an IP protocol. One without ports has a single flow between two addresses: that of
 * whoever used it before would be in the way of who owns it now.
 */
export function forgetFlows(protocol: number): Promise<void> {
  const tuple = nested(CTA_TUPLE_PROTO, attribute(CTA_PROTO_NUM, Buffer.from([protocol])));
  const flags = attribute(CTA_FILTER_ORIG_FLAGS, Buffer.from([BY_PROTOCOL, 0, 0, 0]));
  return asking(`forgetting the flows of IP protocol ${protocol}`, async (socket) => {
    const [flows] = await socket.request(
      IPCTNL_MSG_CT_GET,
      [IPV4, nested(CTA_TUPLE_ORIG, tuple), nested(CTA_FILTER, flags)],
      { flags: DUMP },
    );
    for (const { data } of flows) {
      const flow = attributesOf(data.subarray(IPV4.length));
      const [original, id] = [flow.get(CTA_TUPLE_ORIG), flow.get(CTA_ID)];
      if (!original || !id) continue;
      await socket
        .request(IPCTNL_MSG_CT_DELETE, [IPV4, nested(CTA_TUPLE_ORIG, original), attribute(CTA_ID, id)])
        .catch((error) => {
          if (!/ENOENT/.test(String(error))) throw error; // it ended meanwhile
        });
    }
  });
}

async function asking(what: string, work: (socket: NetlinkSocket) => Promise<void>): Promise<void> {
  const socket = netlinkSocket(NETLINK_NETFILTER);
  try {
    await during(what, () => work(socket));
  } finally {
    socket.close();
  }
}
