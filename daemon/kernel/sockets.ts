import { Buffer } from 'node:buffer';
import koffi from 'koffi';
import { call, closeFd, failed, ioctl, libc } from './syscalls.ts';

/** Sockets that Node knows nothing of, by glibc's wrappers, on the calling thread. */
const socketC = libc.func('int socket(int domain, int type, int protocol)');
const bindC = libc.func('int bind(int fd, const void *address, unsigned int length)');
const getsocknameC = libc.func('int getsockname(int fd, void *address, void *length)');
const getsockoptC = libc.func('int getsockopt(int fd, int level, int name, void *value, void *length)');
const setsockoptC = libc.func(
  'int setsockopt(int fd, int level, int name, const void *value, unsigned int length)',
);
const sendC = libc.func('long send(int fd, const void *data, size_t size, int flags)');
const recvC = libc.func('long recv(int fd, void *data, size_t size, int flags)');

export const [SOL_SOCKET, SOL_NETLINK] = [1, 270];
const [AF_UNIX, AF_NETLINK, SOCK_DGRAM, SOCK_RAW, SOCK_CLOEXEC] = [1, 16, 2, 3, 0o2000000];
const MSG_DONTWAIT = 0x40;
const Errno = { EINTR: 4, EAGAIN: 11, ENOBUFS: 105 } as const;

/** A socket of netlink(7), bound to an address that the kernel gives it; the caller closes it. */
export function openNetlink(protocol: number, subject: string): number {
  const fd = call(socketC, 'socket', subject, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  const address = Buffer.alloc(12);
  address.writeUInt16LE(AF_NETLINK);
  call(bindC, 'bind', subject, fd, address, address.length);
  return fd;
}

/** The address of a socket if it is one of netlink, undefined of any other descriptor. */
export function netlinkAddress(fd: number): number | undefined {
  const [address, length] = [Buffer.alloc(12), Buffer.alloc(4)];
  length.writeUInt32LE(address.length);
  if ((getsocknameC(fd, address, length) as number) < 0 || address.readUInt16LE() !== AF_NETLINK)
    return undefined;
  return address.readUInt32LE(4);
}

/** @param size of the option's value, in bytes */
export function getOption(fd: number, level: number, name: number, subject: string, size = 4): Buffer {
  const [value, length] = [Buffer.alloc(size), Buffer.alloc(4)];
  length.writeUInt32LE(size);
  call(getsockoptC, 'getsockopt', subject, fd, level, name, value, length);
  return value;
}

export function setOption(fd: number, level: number, name: number, subject: string, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  call(setsockoptC, 'setsockopt', subject, fd, level, name, bytes, bytes.length);
}

export function send(fd: number, data: Uint8Array, subject: string): void {
  call(sendC, 'send', subject, fd, data, data.byteLength, 0);
}

/**
 * What came next, into `room`: its bytes, or `overrun` when there was no place for some.
 * @param wait for something to come; else it may be `empty`
 */
export function receive(
  fd: number,
  room: Uint8Array,
  subject: string,
  wait = false,
): number | 'empty' | 'overrun' {
  for (;;) {
    const length = Number(recvC(fd, room, room.byteLength, wait ? 0 : MSG_DONTWAIT));
    if (length >= 0) return length;
    const errno = koffi.errno();
    if (errno === Errno.EAGAIN) return 'empty';
    if (errno === Errno.ENOBUFS) return 'overrun';
    if (errno !== Errno.EINTR) throw failed('recv', subject, errno);
  }
}

/** By a socket the kernel is asked about the network namespace that this thread is in. */
function withSocket<T>(work: (fd: number) => T): T {
  const fd = call(socketC, 'socket', 'unix', AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  try {
    return work(fd);
  } finally {
    closeFd(fd);
  }
}

/** The cookie of the network namespace that this thread is in. */
export function networkNamespaceCookie(): bigint {
  const SO_NETNS_COOKIE = 71;
  return withSocket((fd) =>
    getOption(fd, SOL_SOCKET, SO_NETNS_COOKIE, 'SO_NETNS_COOKIE', 8).readBigUInt64LE(),
  );
}

/** Brings loopback up, unless it is, in the network namespace that this thread is in (netdevice(7)). */
export function raiseLoopback(): void {
  const [SIOCGIFFLAGS, SIOCSIFFLAGS, FLAGS, IFF_UP] = [0x8913, 0x8914, 16, 1];
  const request = Buffer.alloc(40); // struct ifreq
  request.write('lo');
  withSocket((fd) => {
    ioctl(fd, SIOCGIFFLAGS, request, 'the flags of lo');
    const flags = request.readUInt16LE(FLAGS);
    if (flags & IFF_UP) return;
    request.writeUInt16LE(flags | IFF_UP, FLAGS);
    ioctl(fd, SIOCSIFFLAGS, request, 'lo up');
  });
}
