import koffi from 'koffi';
import { call, closeFd, failed, libc } from '../../daemon/kernel/syscalls.ts';
import { type Connection, messages, readConnection } from './message.ts';

const socketC = libc.func('int socket(int domain, int type, int protocol)');
const bindC = libc.func('int bind(int fd, void *address, unsigned int length)');
const setsockoptC = libc.func(
  'int setsockopt(int fd, int level, int name, void *value, unsigned int length)',
);
const sendC = libc.func('long send(int fd, void *data, size_t size, int flags)');
const recvC = libc.func('long recv(int fd, void *data, size_t size, int flags)');
const pollC = libc.func('int poll(void *fds, unsigned long count, int timeout)');

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 0o2000003;
const NETLINK_NETFILTER = 12;
const [SOL_SOCKET, SO_RCVBUFFORCE] = [1, 33];
const [SOL_NETLINK, ADD_MEMBERSHIP, BROADCAST_ERROR] = [270, 1, 4];
const DESTROY_GROUP = 3;
const MSG_DONTWAIT = 0x40;
const Errno = { EINTR: 4, EAGAIN: 11, ENOBUFS: 105 } as const;
const [REQUEST, DUMP] = [1, 0x300];
const CONNTRACK = 1 << 8;
const GET = 1;
/** Of a listing: the kernel fills as much as the reader has room for, up to 32 KiB. */
const ROOM = 65_536;

/** A socket of ctnetlink, in the network namespace that this thread is in. */
export class Conntrack {
  readonly fd: number;
  readonly #poll: Buffer;

  constructor() {
    this.fd = call(socketC, 'socket', 'netfilter', AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_NETFILTER);
    const address = Buffer.alloc(12);
    address.writeUInt16LE(AF_NETLINK);
    call(bindC, 'bind', 'netfilter', this.fd, address, address.length);
    this.#poll = Buffer.alloc(8);
    this.#poll.writeInt32LE(this.fd);
    this.#poll.writeInt16LE(1, 4); // POLLIN
  }

  /**
   * From now on every connection that the kernel forgets is told here. What doesn't fit into the buffer the kernel
   * keeps and tells again (BROADCAST_ERROR): an event is late then, and not lost.
   */
  subscribe(bufferBytes: number): void {
    this.#set(SOL_SOCKET, SO_RCVBUFFORCE, bufferBytes);
    this.#set(SOL_NETLINK, BROADCAST_ERROR, 1);
    this.#set(SOL_NETLINK, ADD_MEMBERSHIP, DESTROY_GROUP);
  }

  /** Waits until there is something to receive, or so many milliseconds. */
  wait(milliseconds: number): void {
    pollC(this.#poll, 1, milliseconds);
  }

  /** What came next, into `buffer`: its bytes, `empty`, or `overrun` when there was no room for some. */
  receive(buffer: Uint8Array): number | 'empty' | 'overrun' {
    for (;;) {
      const length = Number(recvC(this.fd, buffer, buffer.byteLength, MSG_DONTWAIT));
      if (length >= 0) return length;
      const errno = koffi.errno();
      if (errno === Errno.EAGAIN) return 'empty';
      if (errno === Errno.ENOBUFS) return 'overrun';
      if (errno !== Errno.EINTR) throw failed('recv', 'conntrack', errno);
    }
  }

  /**
   * Connections that live now and have these bits in their mark.
   * @param mask which bits are compared
   */
  *list(mark: number, mask = mark): Generator<Connection> {
    this.#ask(mark, mask);
    const room = Buffer.alloc(ROOM);
    for (;;) {
      const length = this.#answer(room);
      for (const { type, start, end, error } of messages(room.subarray(0, length))) {
        if (error !== undefined) {
          if (error) throw failed('listing', 'connections', error);
          return;
        }
        // A listing tells connections as if they were new; the kernel's own filter is of its choosing.
        const connection = type === 0 ? readConnection(room, start, end, mask) : undefined;
        if (connection && (connection.mark & mask) === (mark & mask)) yield connection;
      }
    }
  }

  close(): void {
    closeFd(this.fd);
  }

  #ask(mark: number, mask: number): void {
    const [MARK, MARK_MASK] = [8, 21];
    const request = Buffer.alloc(36);
    request.writeUInt32LE(request.length, 0);
    request.writeUInt16LE(CONNTRACK | GET, 4);
    request.writeUInt16LE(REQUEST | DUMP, 6);
    for (const [index, [type, value]] of [
      [MARK, mark],
      [MARK_MASK, mask],
    ].entries()) {
      const at = 20 + index * 8;
      request.writeUInt16LE(8, at);
      request.writeUInt16LE(type ?? 0, at + 2);
      request.writeUInt32BE((value ?? 0) >>> 0, at + 4);
    }
    call(sendC, 'send', 'conntrack', this.fd, request, request.length, 0);
  }

  #answer(room: Buffer): number {
    for (;;) {
      const got = this.receive(room);
      if (typeof got === 'number') return got;
      this.wait(1000);
    }
  }

  #set(level: number, name: number, value: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    call(setsockoptC, 'setsockopt', 'conntrack', this.fd, level, name, bytes, bytes.length);
  }
}
