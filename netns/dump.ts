import { receive, send } from '../daemon/kernel/sockets.ts';

const [NLMSG_ERROR, NLMSG_DONE] = [2, 3];
const REQUEST_DUMP = 0x301;
const HEADER = 16; // struct nlmsghdr
/** No datagram of a dump is larger. */
const room = Buffer.alloc(32_768);

/**
 * All that the kernel lists, as it tells it, on the calling thread: what is asked every second takes a tenth of what it takes
 * by the netlink package. The same answer is the same bytes.
 * @param question the structure of its kind, and attributes
 */
export function dump(fd: number, type: number, question: Buffer, subject: string): Buffer {
  const head = Buffer.alloc(HEADER);
  head.writeUInt32LE(HEADER + question.length, 0);
  head.writeUInt16LE(type, 4);
  head.writeUInt16LE(REQUEST_DUMP, 6);
  send(fd, Buffer.concat([head, question]), subject);
  const parts: Buffer[] = [];
  // The kernel makes the next part when one has been read: there is none when the last has been.
  for (;;) {
    const size = receive(fd, room, subject);
    if (size === 'empty') return Buffer.concat(parts);
    if (size === 'overrun') throw new Error(`${subject}: ${size}`);
    parts.push(Buffer.from(room.subarray(0, size)));
  }
}

/** Each of a dump, without netlink's header. */
export function* listed(dumped: Buffer, subject: string): Generator<Buffer> {
  for (let at = 0; at + HEADER <= dumped.length; ) {
    const [length, type] = [dumped.readUInt32LE(at), dumped.readUInt16LE(at + 4)];
    if (type === NLMSG_DONE) return;
    if (type === NLMSG_ERROR) throw new Error(`${subject}: error ${dumped.readInt32LE(at + HEADER)}`);
    yield dumped.subarray(at + HEADER, at + length);
    at += (length + 3) & ~3;
  }
}
