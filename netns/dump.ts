import { receive, send } from '../daemon/kernel/sockets.ts';

const [NLMSG_ERROR, NLMSG_DONE] = [2, 3];
const REQUEST_DUMP = 0x301;
const HEADER = 16; // struct nlmsghdr

/**
 * All that the kernel lists, each without netlink's header, on the calling thread. What is asked every second takes a tenth of
 * what it takes by the netlink package. To be read to its end, for the rest would come as the answer to the next question.
 * @param question the structure of its kind, and attributes
 */
export function* dump(fd: number, type: number, question: Buffer, subject: string): Generator<Buffer> {
  const head = Buffer.alloc(HEADER);
  head.writeUInt32LE(HEADER + question.length, 0);
  head.writeUInt16LE(type, 4);
  head.writeUInt16LE(REQUEST_DUMP, 6);
  send(fd, Buffer.concat([head, question]), subject);
  for (;;) {
    const data = Buffer.allocUnsafe(32_768); // no datagram of a dump is larger
    const size = receive(fd, data, subject, true);
    if (typeof size === 'string') throw new Error(`${subject}: ${size}`);
    for (let at = 0; at + HEADER <= size; ) {
      const [length, type] = [data.readUInt32LE(at), data.readUInt16LE(at + 4)];
      if (type === NLMSG_DONE) return;
      if (type === NLMSG_ERROR) throw new Error(`${subject}: error ${data.readInt32LE(at + HEADER)}`);
      yield data.subarray(at + HEADER, at + length);
      at += (length + 3) & ~3;
    }
  }
}
