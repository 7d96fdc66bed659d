import { tellLosses } from './losses.ts';
import { NETLINK_ROUTE, netlinkIn } from './namespace.ts';

/** Groups of rtnetlink(7) that tell of links, queues and filters; of addresses, routes, rules and settings; of IPv6's. */
const GROUPS = [1, 4, ...[5, 7, 8, 24], ...[9, 11, 19, 25]];
/** Milliseconds. */
const [QUIET, AT_THE_LATEST] = [200, 1000];

/** A look is this part of the time at most, unless that took long: who makes changes without end takes no processor. */
const PART = 1 / 20;

/**
 * Calls back when links, queues, addresses, routes or rules of this process's network namespace have changed and then been
 * quiet for a fifth of a second, or after a second if they are never quiet; returns what ends the watching. The kernel may
 * drop messages when many come at once, but not the last ones: whoever is called looks for itself at what is.
 */
export function watchNetwork(changed: () => Promise<unknown>): () => void {
  const socket = netlinkIn('/proc/self/ns/net');
  let timer: NodeJS.Timeout | undefined;
  let [since, pause] = [0, QUIET];
  const look = async () => {
    timer = undefined;
    const began = process.cpuUsage();
    await changed();
    const { user, system } = process.cpuUsage(began);
    pause = Math.min(Math.max(QUIET, (user + system) / 1000 / PART), AT_THE_LATEST);
  };
  const soon = () => {
    if (!timer) {
      since = performance.now();
      timer = setTimeout(look, pause);
    } else if (performance.now() - since < AT_THE_LATEST - QUIET) {
      timer.refresh();
    }
  };
  socket.on('message', soon);
  socket.on('invalid', soon); // a message that the library can't read says as much
  tellLosses(socket.socket, NETLINK_ROUTE, soon);
  for (const group of GROUPS) socket.addMembership(group);
  return () => {
    clearTimeout(timer);
    socket.socket.close();
  };
}
