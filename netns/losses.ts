import { readdirSync } from 'node:fs';
import type { NetlinkSocket } from 'netlink';
import { SliverdError } from '../daemon/errors.ts';
import { getOption, netlinkAddress, SOL_NETLINK, SOL_SOCKET, setOption } from '../daemon/kernel/sockets.ts';

const [SO_PROTOCOL, SO_MEMINFO, NO_ENOBUFS] = [38, 55, 5];
/** Of SO_MEMINFO (linux/sock_diag.h): messages that found no room. */
const DROPS = 8;

/**
 * Calls back when a socket that is told of changes has lost some: there were more than it had room for. The package says so by
 * an error that ends the whole process (netlink 0.3, in its native part), so the kernel is told to keep it to itself, and
 * asked for its count with each message. What was lost found the socket full, so that some message always comes after it.
 */
export function tellLosses(socket: NetlinkSocket, protocol: number, lost: () => void): void {
  const fd = descriptorOf(socket, protocol);
  setOption(fd, SOL_NETLINK, NO_ENOBUFS, 'netlink', 1);
  let known = drops(fd);
  socket.on('message', () => {
    const now = drops(fd);
    if (now === known) return;
    known = now;
    lost();
  });
}

const drops = (fd: number): number =>
  getOption(fd, SOL_SOCKET, SO_MEMINFO, 'netlink', 4 * (DROPS + 1)).readUInt32LE(4 * DROPS);

/** The package doesn't tell it; a netlink socket is known by its protocol and its own address. */
function descriptorOf(socket: NetlinkSocket, protocol: number): number {
  const { port } = socket.address();
  for (const fd of readdirSync('/proc/self/fd').map(Number))
    if (
      netlinkAddress(fd) === port &&
      getOption(fd, SOL_SOCKET, SO_PROTOCOL, 'netlink').readUInt32LE() === protocol
    )
      return fd;
  throw new SliverdError('internal', `no descriptor is that of the netlink socket ${port}`);
}
