/** One direction of a connection, as the kernel keeps it. */
export interface Tuple {
  readonly source: Buffer;
  readonly destination: Buffer;
  /** Of ICMP the identifier, of a protocol without ports 0. */
  readonly sourcePort: number;
  /** Of ICMP type * 256 + code, as in NetFlow. */
  readonly destinationPort: number;
}

export interface Count {
  readonly bytes: number;
  readonly packets: number;
}

/** What the kernel tells of one connection. */
export interface Connection {
  readonly mark: number;
  /** The conntrack zone of the first packet's direction: who began it, if a sliver did. */
  readonly zone: number;
  readonly protocol: number;
  readonly original: Tuple;
  readonly reply: Tuple;
  readonly sent: Count;
  readonly answered: Count;
  /** Milliseconds since 1970 by the clock of then; 0 when the kernel did not note it. */
  readonly start: number;
  /** When the kernel forgot it; 0 while it lives. */
  readonly stop: number;
}

/** Attributes of ctnetlink (linux/netfilter/nfnetlink_conntrack.h). */
const Attribute = {
  original: 1,
  reply: 2,
  mark: 8,
  countOriginal: 9,
  countReply: 10,
  zone: 18,
  timestamp: 20,
} as const;
const HEADER = 16;
const NFGENMSG = 4;
const CONNTRACK = 1; // NFNL_SUBSYS_CTNETLINK
const [DONE, ERROR] = [3, 2];
const NO_COUNT: Count = { bytes: 0, packets: 0 };

/** Messages of a netlink buffer, by their places: the type, and where the message's attributes begin and end. */
export function* messages(
  buffer: Buffer,
): Generator<{ type: number; start: number; end: number; error?: number }> {
  for (let at = 0; at + HEADER <= buffer.length; ) {
    const length = buffer.readUInt32LE(at);
    if (length < HEADER || at + length > buffer.length) return;
    const type = buffer.readUInt16LE(at + 4);
    if (type === ERROR || type === DONE)
      yield { type, start: 0, end: 0, error: length >= HEADER + 4 ? -buffer.readInt32LE(at + HEADER) : 0 };
    else if (type >> 8 === CONNTRACK)
      yield { type: type & 0xff, start: at + HEADER + NFGENMSG, end: at + length };
    at += (length + 3) & ~3;
  }
}

/** Whether a listing ends in this buffer. */
export function isLast(buffer: Buffer): boolean {
  for (let at = 0; at + HEADER <= buffer.length; ) {
    const type = buffer.readUInt16LE(at + 4);
    if (type === ERROR || type === DONE) return true;
    at += (Math.max(buffer.readUInt32LE(at), HEADER) + 3) & ~3;
  }
  return false;
}

/**
 * Reads one connection; undefined when it has no mark of these bits (it is the node's own), which is all that is
 * looked at then.
 */
export function readConnection(
  buffer: Buffer,
  start: number,
  end: number,
  bits: number,
): Connection | undefined {
  // By their numbers, where each attribute's value begins; one pass, nothing copied but addresses.
  const places = new Array<number>(24).fill(0);
  for (let at = start; at + 4 <= end; ) {
    const length = buffer.readUInt16LE(at);
    if (length < 4) break;
    const type = buffer.readUInt16LE(at + 2) & 0x3fff;
    if (type < places.length) places[type] = at + 4;
    at += (length + 3) & ~3;
  }
  const number = (place: number | undefined) => (place ? buffer.readUInt32BE(place) : 0);
  const mark = number(places[Attribute.mark]);
  const [original, reply] = [places[Attribute.original], places[Attribute.reply]];
  if (!(mark & bits) || !original || !reply) return undefined;
  const first = readTuple(buffer, original);
  const stamp = places[Attribute.timestamp];
  const whole = places[Attribute.zone];
  return {
    mark,
    zone: whole ? buffer.readUInt16BE(whole) : first.zone,
    protocol: first.protocol,
    original: first.tuple,
    reply: readTuple(buffer, reply).tuple,
    sent: readCount(buffer, places[Attribute.countOriginal]),
    answered: readCount(buffer, places[Attribute.countReply]),
    start: stamp ? milliseconds(buffer, stamp, 1) : 0,
    stop: stamp ? milliseconds(buffer, stamp, 2) : 0,
  };
}

/** Attributes nested in one whose value begins at `place`; its length is in front of it. */
function* nested(buffer: Buffer, place: number): Generator<{ type: number; at: number; length: number }> {
  const end = place - 4 + buffer.readUInt16LE(place - 4);
  for (let at = place; at + 4 <= end; ) {
    const length = buffer.readUInt16LE(at);
    if (length < 4) return;
    yield { type: buffer.readUInt16LE(at + 2) & 0x3fff, at: at + 4, length: length - 4 };
    at += (length + 3) & ~3;
  }
}

const NOWHERE = Buffer.alloc(0);

function readTuple(buffer: Buffer, place: number): { tuple: Tuple; protocol: number; zone: number } {
  const [IP, PROTOCOL, ZONE] = [1, 2, 3];
  let [source, destination] = [NOWHERE, NOWHERE];
  let [protocol, zone] = [0, 0];
  const numbers = new Array<number>(10).fill(0);
  for (const part of nested(buffer, place)) {
    if (part.type === IP)
      for (const { type, at, length } of nested(buffer, part.at)) {
        // Sources have odd numbers: 1 of IPv4, 3 of IPv6. Copied: the buffer is read into again.
        const address = Buffer.from(buffer.subarray(at, at + length));
        if (type & 1) source = address;
        else destination = address;
      }
    else if (part.type === PROTOCOL)
      for (const { type, at, length } of nested(buffer, part.at)) {
        const value = length === 2 ? buffer.readUInt16BE(at) : (buffer[at] ?? 0);
        if (type === 1) protocol = value;
        else if (type < numbers.length) numbers[type] = value;
      }
    else if (part.type === ZONE) zone = buffer.readUInt16BE(part.at);
  }
  // Numbers of CTA_PROTO_*: ports are 2 and 3; identifier, type and code of ICMP are 4 to 6, of ICMPv6 7 to 9.
  const [, , from = 0, to = 0, id4 = 0, type4 = 0, code4 = 0, id6 = 0, type6 = 0, code6 = 0] = numbers;
  const tuple = {
    source,
    destination,
    sourcePort: from || id4 || id6,
    destinationPort: to || ((type4 || type6) << 8) | code4 | code6,
  };
  return { tuple, protocol, zone };
}

function readCount(buffer: Buffer, place: number | undefined): Count {
  if (!place) return NO_COUNT;
  let [packets, bytes] = [0, 0];
  for (const { type, at } of nested(buffer, place))
    if (type === 1) packets = wide(buffer, at);
    else if (type === 2) bytes = wide(buffer, at);
  return { bytes, packets };
}

/** Milliseconds of a nested attribute in nanoseconds. */
function milliseconds(buffer: Buffer, place: number, wanted: number): number {
  for (const { type, at } of nested(buffer, place))
    if (type === wanted) return Math.floor(wide(buffer, at) / 1e6);
  return 0;
}

/** 64 bits, exact up to 2^53. */
function wide(buffer: Buffer, at: number): number {
  return buffer.readUInt32BE(at) * 2 ** 32 + buffer.readUInt32BE(at + 4);
}
