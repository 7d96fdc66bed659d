import { attributesOf } from '../attributes.ts';
import { tellLosses } from '../losses.ts';
import { NETLINK_ROUTE, netlinkSocket } from '../namespace.ts';

/** Of filters, and of IPv4's and IPv6's settings. */
const GROUPS = [4, 24, 25];
const RTM_NEWNETCONF = 80;
/** RTM_NEWQDISC, RTM_DELQDISC, RTM_NEWTFILTER, RTM_DELTFILTER. */
const FILTERS = [36, 37, 44, 45];
const NETCONFA_IFINDEX = 1;
const NETCONFMSG = 4;
const ALL_LINKS = -1;

/**
 * Calls back with the link, by its index, whose filters or settings (forwarding, the check of sources) were changed by
 * anybody, us too; with nothing when it may be any. Returns what ends it.
 */
export function watchLinks(changed: (link?: number) => void): () => void {
  const socket = netlinkSocket(NETLINK_ROUTE);
  socket.on('message', (messages) => {
    for (const { type, data } of messages) {
      if (FILTERS.includes(type)) changed(data.readInt32LE(4));
      if (type !== RTM_NEWNETCONF) continue;
      const link = attributesOf(data.subarray(NETCONFMSG)).get(NETCONFA_IFINDEX)?.readInt32LE() ?? ALL_LINKS;
      if (link > 0) changed(link);
      else if (link === ALL_LINKS) changed();
    }
  });
  tellLosses(socket, NETLINK_ROUTE, () => changed());
  for (const group of GROUPS) socket.addMembership(group);
  return () => socket.close();
}
