import { readdirSync } from 'node:fs';
import type { NetlinkSocket } from 'netlink';
import { SliverdError } from '../daemon/errors.ts';
import { call, libc } from '../daemon/kernel/syscalls.ts';
import { word } from './attributes.ts';

const getsockname = libc.func('int getsockname(int fd, void *address, void *length)');
const getsockopt = libc.func('int getsockopt(int fd, int level, int name, void *value, void *length)');
const setsockopt = libc.func('int setsockopt(int fd, int level, int name, void *value, unsigned int length)');
const [SOL_SOCKET, SO_PROTOCOL, SO_MEMINFO] = [1, 38, 55];
const [SOL_NETLINK, NO_ENOBUFS] = [270, 5];
const AF_NETLINK = 16;
/** Of SO_MEMINFO (linux/sock_diag.h): messages that found no room. */
const DROPS = 8;

/**
 * Calls back when a socket that is told of changes has lost some: there were more than it had room for. The package says so by
 * an error that ends the whole process (netlink 0.3, in its native part), so the kernel is told to keep it to itself, and
 * asked for its count with each message. What was lost found the socket full, so that some message always comes after it.
 */
export function tellLosses(socket: NetlinkSocket, protocol: number, lost: () => void): void {
  const fd = descriptorOf(socket, protocol);
  call(setsockopt, 'setsockopt', 'netlink', fd, SOL_NETLINK, NO_ENOBUFS, word(1), 4);
  let known = drops(fd);
  socket.on('message', () => {
    const now = drops(fd);
    if (now === known) return;
    known = now;
    lost();
  });
}

function drops(fd: number): number {
  const [counts, length] = [Buffer.alloc(4 * (DROPS + 1)), word(4 * (DROPS + 1))];
  call(getsockopt, 'getsockopt', 'netlink', fd, SOL_SOCKET, SO_MEMINFO, counts, length);
  return counts.readUInt32LE(4 * DROPS);
}

/** The package doesn't tell it; a netlink socket is known by its protocol and its own address. */
function descriptorOf(socket: NetlinkSocket, protocol: number): number {
  const { port } = socket.address();
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    const [address, of] = [Buffer.alloc(12), Buffer.alloc(4)];
    if (getsockname(fd, address, word(address.length)) !== 0 || address.readUInt16LE() !== AF_NETLINK)
      continue;
    if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, of, word(4)) !== 0) continue;
    if (of.readUInt32LE() === protocol && address.readUInt32LE(4) === port) return fd;
  }
  throw new SliverdError('internal', `no descriptor is that of the netlink socket ${port}`);
}
