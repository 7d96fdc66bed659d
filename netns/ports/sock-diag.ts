import { Buffer } from 'node:buffer';
import { openNetlink, receive, send } from '../../daemon/kernel/sockets.ts';
import { closeFd } from '../../daemon/kernel/syscalls.ts';
import { NETLINK_SOCK_DIAG } from '../namespace.ts';
import type { Protocol } from './layout.ts';

const [SOCK_DIAG_BY_FAMILY, NLMSG_ERROR, NLMSG_DONE] = [20, 2, 3];
const REQUEST_DUMP = 0x301;
const HEADER = 16; // struct nlmsghdr
const FAMILIES = [2, 10]; // AF_INET, AF_INET6
/** IPPROTO, and the state to ask for: TCP_LISTEN; of UDP TCP_CLOSE, which is a socket without a peer. */
const KINDS = [
  ['tcp', 6, 10],
  ['udp', 17, 7],
] as const;

export interface BoundSocket {
  readonly protocol: Protocol;
  readonly port: number;
  /** Four or sixteen bytes. */
  readonly address: Buffer;
}

/**
 * Sockets of this process's network namespace that listen, or are bound without a peer. The kernel answers at once, and
 * walks only the listening ones: /proc/net/tcp takes a hundred times as long, since it walks a table for all connections
 * there could be. Throws where the kernel lacks sock_diag(7).
 */
export function boundSockets(): BoundSocket[] {
  const fd = openNetlink(NETLINK_SOCK_DIAG, 'sock_diag');
  try {
    return KINDS.flatMap(([protocol, number, state]) =>
      FAMILIES.flatMap((family) => {
        const request = Buffer.alloc(HEADER + 56); // and struct inet_diag_req_v2
        request.writeUInt32LE(request.length, 0);
        request.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4);
        request.writeUInt16LE(REQUEST_DUMP, 6);
        request.writeUInt8(family, HEADER);
        request.writeUInt8(number, HEADER + 1);
        request.writeUInt32LE(1 << state, HEADER + 4);
        send(fd, request, 'sock_diag');
        return [...answers(fd)].map(
          (message): BoundSocket => ({
            protocol,
            port: message.readUInt16BE(4),
            address: message.subarray(8, message[0] === FAMILIES[0] ? 12 : 24),
          }),
        );
      }),
    );
  } finally {
    closeFd(fd);
  }
}

/** Each struct inet_diag_msg of a dump. */
function* answers(fd: number): Generator<Buffer> {
  for (;;) {
    const data = Buffer.allocUnsafe(32_768); // no datagram of a dump is larger
    const size = receive(fd, data, 'sock_diag', true);
    if (typeof size === 'string') throw new Error(`sock_diag: ${size}`);
    for (let at = 0; at + HEADER <= size; ) {
      const [length, type] = [data.readUInt32LE(at), data.readUInt16LE(at + 4)];
      if (type === NLMSG_DONE) return;
      if (type === NLMSG_ERROR) throw new Error(`sock_diag: error ${data.readInt32LE(at + HEADER)}`);
      yield data.subarray(at + HEADER, at + length);
      at += (length + 3) & ~3;
    }
  }
}
