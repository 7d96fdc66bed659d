import { closeSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { NetlinkSocket, RtNetlinkSocket } from 'netlink';
import { networkNamespaceCookie } from '../daemon/kernel/sockets.ts';
import { setNetworkNamespace } from '../daemon/kernel/syscalls.ts';

// Loaded when the first sliver starts.
const netlink = () => createRequire(import.meta.url)('netlink') as typeof import('netlink');

/**
 * Does something synchronous in another network namespace. The thread is there between two system calls of its own
 * and nothing else of the daemon ever runs there; what is made in there (a socket) stays there.
 * @param path such as /proc/PID/ns/net
 */
export function within<T>(path: string, work: () => T): T {
  const home = openSync('/proc/self/ns/net', 'r');
  try {
    const there = openSync(path, 'r');
    try {
      setNetworkNamespace(there);
      return work();
    } finally {
      setNetworkNamespace(home);
      closeSync(there);
    }
  } finally {
    closeSync(home);
  }
}

/** Of netlink(7). */
export const [NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_NETFILTER] = [0, 4, 12];

/** A socket of one of netlink's protocols, in the network namespace that this thread is in. */
export const netlinkSocket = (protocol: number): NetlinkSocket => netlink().createNetlink(protocol);

/**
 * An rtnetlink socket of another network namespace, made in a few microseconds. One that is told of changes needs
 * `tellLosses` (losses.ts): they may be more than it has room for.
 */
export function netlinkIn(path: string): RtNetlinkSocket {
  const { createRtNetlink } = netlink();
  return within(path, () => createRtNetlink());
}

/** The kernel's number of a network namespace, never given twice while the machine is up. */
export function cookieOf(path: string): bigint {
  return within(path, networkNamespaceCookie);
}
