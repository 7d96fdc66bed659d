import { isUtf8 } from 'node:buffer';

/** Thrown by the parsers below; the reader adds the entry's name. */
export class BadArchive extends Error {}

/** More than the limits: nothing is wrong with the archive, but it is too much for this node. */
export class TooMuch extends BadArchive {}

export const BLOCK = 512;

/** What the type flag says; `undefined` is nothing an image may hold. */
export type HeaderKind =
  | 'file'
  | 'link'
  | 'symlink'
  | 'directory'
  | 'fifo'
  | 'pax'
  | 'pax-global'
  | 'long-name'
  | 'long-link';
const KINDS: Record<string, HeaderKind> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  '1': 'link',
  '2': 'symlink',
  '5': 'directory',
  '6': 'fifo',
  x: 'pax',
  g: 'pax-global',
  L: 'long-name',
  K: 'long-link',
};
const REFUSED: Record<string, string> = {
  '3': 'a character device; images hold no device nodes',
  '4': 'a block device; images hold no device nodes',
  S: 'a sparse file in the old GNU format; make the archive without --sparse',
  D: 'part of an incremental backup; make a full archive',
  M: 'part of a multi-volume archive; make it in one piece',
  V: 'a volume label; make the archive without --label',
};

export interface Header {
  kind: HeaderKind;
  name: string;
  linkName: string;
  size: number;
  uid: number;
  gid: number;
}

/**
 * Reads one header block, or gives `undefined` for a block of zeros. Strict where readers of tar differ from each
 * other: what two programs could read in two ways is refused, so that GNU tar unpacks what was checked here.
 */
export function parseHeader(block: Buffer): Header | undefined {
  if (!block.some((byte) => byte !== 0)) return undefined;
  let sum = 8 * 32;
  for (let at = 0; at < BLOCK; at++) if (at < 148 || at >= 156) sum += block[at]!;
  const name = string(block, 0, 100, 'name');
  if (number(block, 148, 8, 'checksum') !== sum)
    throw new BadArchive('its header does not match its checksum: not a tar archive, or damaged');
  const magic = block.toString('latin1', 257, 265);
  const ustar = magic === 'ustar\x0000';
  if (!ustar && magic !== 'ustar  \0')
    throw new BadArchive('its header is neither ustar, pax nor GNU; make the archive with a current tar');
  const flag = block.toString('latin1', 156, 157);
  const kind = KINDS[flag];
  // The GNU format keeps other things where ustar has the prefix.
  const prefix = ustar ? string(block, 345, 155, 'name') : '';
  const full = prefix ? `${prefix}/${name}` : name;
  if (!kind)
    throw new BadArchive(
      `${JSON.stringify(full)} is ${REFUSED[flag] ?? `of the unknown type ${JSON.stringify(flag)}`}`,
    );
  return {
    kind,
    name: full,
    linkName: string(block, 157, 100, 'link'),
    size: number(block, 124, 12, 'size'),
    uid: number(block, 108, 8, 'uid'),
    gid: number(block, 116, 8, 'gid'),
  };
}

/** Octal digits, blanks around them; or base 256 behind a byte 0x80, as GNU writes what does not fit. */
function number(block: Buffer, at: number, length: number, what: string): number {
  const field = block.subarray(at, at + length);
  if (field[0] === 0x80) {
    const value = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
    if (Number.isSafeInteger(value)) return value;
  } else {
    const text = /^ *([0-7]*)[ \0]*$/.exec(field.toString('latin1'));
    if (text) return text[1] === '' ? 0 : Number.parseInt(text[1]!, 8);
  }
  throw new BadArchive(`its header has no valid ${what}`);
}

function string(block: Buffer, at: number, length: number, what: string): string {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return utf8(end < 0 ? field : field.subarray(0, end), what);
}

/**
 * Text of an archive. Bytes that are not UTF-8 are refused: two different names must never look the same to the
 * checks.
 */
export function utf8(bytes: Buffer, what: string): string {
  if (!isUtf8(bytes))
    throw new BadArchive(`its ${what} ${JSON.stringify(bytes.toString('latin1'))} is not UTF-8`);
  return bytes.toString('utf8');
}
