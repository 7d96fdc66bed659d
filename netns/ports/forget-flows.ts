import { createRequire } from 'node:module';
import { during } from '../../daemon/errors.ts';
import { attribute, attributesOf } from '../links.ts';

const NETLINK_NETFILTER = 12;
const [IPCTNL_MSG_CT_GET, IPCTNL_MSG_CT_DELETE] = [0x101, 0x102];
const DUMP = 0x300;
const NESTED = 0x8000;
const [CTA_TUPLE_ORIG, CTA_ID, CTA_FILTER] = [1, 12, 25];
const [CTA_TUPLE_PROTO, CTA_PROTO_NUM] = [2, 1];
const [CTA_FILTER_ORIG_FLAGS, BY_PROTOCOL] = [1, 8];
const IPV4 = Buffer.from([2, 0, 0, 0]);

/**
 * Has conntrack forget all flows of an IP protocol. One without ports has a single flow between two addresses: that of
 * whoever used it before would be in the way of who owns it now.
 */
export async function forgetFlows(protocol: number): Promise<void> {
  const { createNetlink } = createRequire(import.meta.url)('netlink') as typeof import('netlink');
  const socket = createNetlink(NETLINK_NETFILTER);
  try {
    await during(`forgetting the flows of IP protocol ${protocol}`, async () => {
      const tuple = nested(CTA_TUPLE_PROTO, attribute(CTA_PROTO_NUM, Buffer.from([protocol])));
      const flags = attribute(CTA_FILTER_ORIG_FLAGS, Buffer.from([BY_PROTOCOL, 0, 0, 0]));
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
  } finally {
    socket.close();
  }
}

const nested = (type: number, value: Buffer) => attribute(NESTED | type, value);
