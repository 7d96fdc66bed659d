/** What netlink messages are made of: attributes, and numbers in the byte order of the machine or of the network. */

const NESTED = 0x8000;

/** An attribute: length, type, value, padding to four bytes. */
export function attribute(type: number, value: Buffer): Buffer {
  const length = 4 + value.length;
  const whole = Buffer.alloc((length + 3) & ~3);
  whole.writeUInt16LE(length, 0);
  whole.writeUInt16LE(type, 2);
  value.copy(whole, 4);
  return whole;
}

/** An attribute of attributes, where the kernel wants it said that it is one. */
export const nested = (type: number, ...parts: Buffer[]): Buffer =>
  attribute(NESTED | type, Buffer.concat(parts));

/** Attributes of a message by type. */
export function attributesOf(data: Buffer): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= data.length; ) {
    const length = data.readUInt16LE(at);
    if (length < 4) break;
    attributes.set(data.readUInt16LE(at + 2) & 0x3fff, data.subarray(at + 4, at + length));
    at += (length + 3) & ~3;
  }
  return attributes;
}

/** 32 bits, as the kernel has them here: also a key or a value of a BPF map. */
export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** 32 bits, as nfnetlink has them. */
export function bigEndian(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}
