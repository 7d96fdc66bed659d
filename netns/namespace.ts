import { closeSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { RtNetlinkSocket } from 'netlink';
import { setNetworkNamespace } from '../daemon/kernel/syscalls.ts';

// Loaded when the first sliver starts.
const netlink = () => createRequire(import.meta.url)('netlink') as typeof import('netlink');

/**
 * An rtnetlink socket of another network namespace. A socket stays in the namespace where it was made, so the thread
 * is there for the few microseconds of making it, between two synchronous calls: nothing else of the daemon ever runs
 * in a sliver's namespace.
 * @param path such as /proc/PID/ns/net
 */
export function netlinkIn(path: string): RtNetlinkSocket {
  const { createRtNetlink } = netlink();
  const home = openSync('/proc/self/ns/net', 'r');
  try {
    const there = openSync(path, 'r');
    try {
      setNetworkNamespace(there);
      return createRtNetlink();
    } finally {
      setNetworkNamespace(home);
      closeSync(there);
    }
  } finally {
    closeSync(home);
  }
}
