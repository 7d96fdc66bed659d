import { attributesOf } from './attributes.ts';
import { tellLosses } from './losses.ts';
import { NETLINK_NETFILTER, netlinkSocket } from './namespace.ts';
import { TABLE } from './ruleset/expressions.ts';

const NFNLGRP_NFTABLES = 7;
const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG_NEWGEN = 15;
const [FIRST_ATTRIBUTE, GEN_PROC_PID] = [1, 2];
const NFGENMSG = 4;

/**
 * Calls back when somebody else has changed our tables, whatever way (nft(8), a flush of everything, a firewall's
 * restart): the kernel tells every transaction with what it touched and, at its end, whose it was. Returns what ends it.
 */
export function watchRuleset(changed: () => void): () => void {
  const socket = netlinkSocket(NETLINK_NETFILTER);
  let touched = false;
  socket.on('message', (messages) => {
    for (const { type, data } of messages) {
      if (type >> 8 !== NFNL_SUBSYS_NFTABLES) continue;
      const attributes = attributesOf(data.subarray(NFGENMSG));
      if ((type & 0xff) !== NFT_MSG_NEWGEN) {
        // Of every kind of object the first attribute is the table's name.
        touched ||= attributes.get(FIRST_ATTRIBUTE)?.toString() === `${TABLE}\0`;
        continue;
      }
      const by = attributes.get(GEN_PROC_PID)?.readUInt32BE();
      if (touched && by !== process.pid) changed();
      touched = false;
    }
  });
  // Messages were lost: one of them may have been about us.
  tellLosses(socket, NETLINK_NETFILTER, changed);
  socket.addMembership(NFNLGRP_NFTABLES);
  return () => socket.close();
}
