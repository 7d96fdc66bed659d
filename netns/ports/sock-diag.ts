import { openNetlink } from '../../daemon/kernel/sockets.ts';
import { closeFd } from '../../daemon/kernel/syscalls.ts';
import { dump, listed } from '../dump.ts';
import { NETLINK_SOCK_DIAG } from '../namespace.ts';
import type { Protocol } from './layout.ts';

const SOCK_DIAG_BY_FAMILY = 20;
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
        const question = Buffer.alloc(56); // struct inet_diag_req_v2
        question.writeUInt8(family);
        question.writeUInt8(number, 1);
        question.writeUInt32LE(1 << state, 4);
        return [...listed(dump(fd, SOCK_DIAG_BY_FAMILY, question, 'sock_diag'), 'sock_diag')].map(
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
