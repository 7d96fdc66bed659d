import {
  openNetlink,
  receive,
  SOL_NETLINK,
  SOL_SOCKET,
  send,
  setOption,
} from '../../daemon/kernel/sockets.ts';
import { closeFd, failed, libc } from '../../daemon/kernel/syscalls.ts';
import { attribute, bigEndian, nested, word } from '../attributes.ts';
import { NETLINK_NETFILTER } from '../namespace.ts';
import { ICMP, ICMP6 } from './flow.ts';
import { type Connection, isLast, messages, readConnection } from './message.ts';

const pollC = libc.func('int poll(void *fds, unsigned long count, int timeout)');

const SO_RCVBUFFORCE = 33;
const [ADD_MEMBERSHIP, BROADCAST_ERROR] = [1, 4];
const DESTROY_GROUP = 3;
const [REQUEST, DUMP] = [1, 0x300];
const CONNTRACK = 1 << 8;
const GET = 1;
/** Of a listing: the kernel fills as much as the reader has room for, up to 32 KiB. */
const ROOM = 65_536;

/** Of a listing's question (linux/netfilter/nfnetlink_conntrack.h). */
const Attribute = { original: 1, reply: 2, mark: 8, markMask: 21, filter: 25 } as const;
const [AF_INET, AF_INET6] = [2, 10];

/**
 * Those of IPv6, or those with an IPv4 address: whose, and in which direction's tuple. By an IPv6 address the kernel picks all
 * that have another one (seen with 6.18).
 */
export type Which =
  | 'ipv6'
  | { tuple: 'original' | 'reply'; end: 'source' | 'destination'; address: Uint8Array };

/** A socket of ctnetlink, in the network namespace that this thread is in. */
export class Conntrack {
  readonly fd: number;
  readonly #poll: Buffer;

  constructor() {
    this.fd = openNetlink(NETLINK_NETFILTER, 'conntrack');
    this.#poll = Buffer.alloc(8);
    this.#poll.writeInt32LE(this.fd);
    this.#poll.writeInt16LE(1, 4); // POLLIN
  }

  /**
   * From now on every connection that the kernel forgets is told here. What doesn't fit into the buffer the kernel
   * keeps and tells again (BROADCAST_ERROR): an event is late then, and not lost.
   */
  subscribe(bufferBytes: number): void {
    setOption(this.fd, SOL_SOCKET, SO_RCVBUFFORCE, 'conntrack', bufferBytes);
    setOption(this.fd, SOL_NETLINK, BROADCAST_ERROR, 'conntrack', 1);
    setOption(this.fd, SOL_NETLINK, ADD_MEMBERSHIP, 'conntrack', DESTROY_GROUP);
  }

  /** Waits until there is something to receive, or so many milliseconds. */
  wait(milliseconds: number): void {
    pollC(this.#poll, 1, milliseconds);
  }

  /** What came next, into `buffer`: its bytes, `empty`, or `overrun` when there was no room for some. */
  receive(buffer: Uint8Array): number | 'empty' | 'overrun' {
    return receive(this.fd, buffer, 'conntrack');
  }

  /**
   * Connections that live now and have these bits in their mark.
   * @param mask which bits are compared
   * @param which only those: the kernel looks at all in a tenth of the time that it takes to tell them
   * @param clues those that are asked for have one of these bytes, by which they are found among the hundred or so that the
   * kernel tells at a time, before any is read
   */
  *list(mark: number, mask = mark, which?: Which, clues?: readonly Buffer[]): Generator<Connection> {
    this.#ask(mark, mask, which);
    const room = Buffer.alloc(ROOM);
    for (;;) {
      const length = this.#answer(room);
      const told = room.subarray(0, length);
      const hasClue = (bytes: Buffer) => !clues || clues.some((clue) => bytes.includes(clue));
      if (!hasClue(told) && !isLast(told)) continue;
      for (const { type, start, end, error } of messages(told)) {
        if (error !== undefined) {
          if (error) throw failed('listing', 'connections', error);
          return;
        }
        if (!hasClue(told.subarray(start, end))) continue;
        // A listing tells connections as if they were new; the kernel's own filter is of its choosing.
        const connection = type === 0 ? readConnection(room, start, end, mask) : undefined;
        if (connection && (connection.mark & mask) === (mark & mask)) yield connection;
      }
    }
  }

  close(): void {
    closeFd(this.fd);
  }

  #ask(mark: number, mask: number, which?: Which): void {
    const head = Buffer.alloc(20);
    head.writeUInt16LE(CONNTRACK | GET, 4);
    head.writeUInt16LE(REQUEST | DUMP, 6);
    if (which) head[16] = which === 'ipv6' ? AF_INET6 : AF_INET;
    const request = Buffer.concat([
      head,
      attribute(Attribute.mark, bigEndian(mark)),
      attribute(Attribute.markMask, bigEndian(mask)),
      ...(which && which !== 'ipv6' ? about(which) : []),
    ]);
    request.writeUInt32LE(request.length, 0);
    send(this.fd, request, 'conntrack');
  }

  #answer(room: Buffer): number {
    for (;;) {
      const got = this.receive(room);
      if (typeof got === 'number') return got;
      this.wait(1000);
    }
  }
}

/** What tells that one of these ports may be there: they are in the attributes of any connection that has them. */
export function cluesOf(ports: readonly number[]): Buffer[] {
  const [NUMBER, SOURCE, DESTINATION] = [1, 2, 3];
  const port = (type: number, value: number) => Buffer.from([6, 0, type, 0, value >> 8, value & 0xff]);
  // What ICMP has for ports is told otherwise.
  const icmp = [ICMP, ICMP6].map((protocol) => Buffer.from([5, 0, NUMBER, 0, protocol]));
  return [...ports.flatMap((value) => [port(SOURCE, value), port(DESTINATION, value)]), ...icmp];
}

function about({ tuple, end, address }: Exclude<Which, 'ipv6'>): Buffer[] {
  const [IP, SOURCE] = [1, 1];
  const second = end === 'destination' ? 1 : 0;
  const flags = word(1 << second); // in the host's order, unlike all else
  const value = attribute(SOURCE + second, Buffer.from(address));
  return [
    nested(Attribute[tuple], nested(IP, value)),
    nested(Attribute.filter, attribute(tuple === 'original' ? 1 : 2, flags)),
  ];
}
