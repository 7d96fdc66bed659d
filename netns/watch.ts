import { netlinkIn } from './namespace.ts';

/** Groups of rtnetlink(7) that tell of links, queues and filters, IPv4 addresses, routes and rules. */
const GROUPS = [1, 4, 5, 7, 8];
/** Milliseconds. */
const [QUIET, AT_THE_LATEST] = [200, 1000];

/**
 * Calls back when links, queues, addresses, routes or rules of this process's network namespace have changed and then been
 * quiet for a fifth of a second, or after a second if they are never quiet; returns what ends the watching. The kernel may
 * drop messages when many come at once, but not the last ones: whoever is called looks for itself at what is.
 */
export function watchNetwork(changed: () => void): () => void {
  const socket = netlinkIn('/proc/self/ns/net');
  let timer: NodeJS.Timeout | undefined;
  let since = 0;
  const soon = () => {
    if (!timer) {
      since = performance.now();
      timer = setTimeout(() => {
        timer = undefined;
        changed();
      }, QUIET);
    } else if (performance.now() - since < AT_THE_LATEST - QUIET) {
      timer.refresh();
    }
  };
  socket.on('message', soon);
  socket.on('invalid', soon); // a message that the library can't read says as much
  for (const group of GROUPS) socket.addMembership(group);
  return () => {
    clearTimeout(timer);
    socket.socket.close();
  };
}
