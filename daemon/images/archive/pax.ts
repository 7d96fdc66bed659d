import { BadArchive, utf8 } from './header.ts';

/** The records of a pax header that change what an entry is; the others are left to tar. */
export interface PaxRecords {
  path?: string;
  linkpath?: string;
  size?: number;
  uid?: number;
  gid?: number;
}

/** Records that make GNU tar read an entry in a way of its own. */
const REFUSED = /^(GNU\.|charset$|hdrcharset$)/;

/** Reads the body of a pax header: `LENGTH KEY=VALUE\n`, again and again, filling it exactly. */
export function parsePax(body: Buffer): PaxRecords {
  const records: PaxRecords = {};
  const seen = new Set<string>();
  for (let at = 0; at < body.length; ) {
    const digits = /^([1-9][0-9]{0,6}) /.exec(body.toString('latin1', at, at + 8))?.[1];
    const end = at + Number(digits);
    const start = at + (digits?.length ?? 0) + 1;
    const equals = digits ? body.indexOf('=', start) : -1;
    if (!digits || end > body.length || body[end - 1] !== 0x0a || equals < start + 1 || equals >= end - 1)
      throw new BadArchive('its pax header is malformed');
    const key = utf8(body.subarray(start, equals), 'pax key');
    const value = body.subarray(equals + 1, end - 1);
    if (seen.has(key)) throw new BadArchive(`its pax header has ${JSON.stringify(key)} twice`);
    if (REFUSED.test(key))
      throw new BadArchive(
        `its pax header has ${JSON.stringify(key)}; make the archive without --sparse and the like`,
      );
    seen.add(key);
    if (key === 'path' || key === 'linkpath') records[key] = text(value, key);
    else if (key === 'size' || key === 'uid' || key === 'gid') records[key] = decimal(value, key);
    at = end;
  }
  return records;
}

/** A global header speaks for all entries that follow; only a comment does so without harm. */
export function checkGlobalPax(body: Buffer): void {
  const text = body.toString('latin1');
  if (!/^[1-9][0-9]{0,6} comment=[^\n\0]*\n$/.test(text) || Number.parseInt(text, 10) !== body.length)
    throw new BadArchive('it has a global pax header that is more than a comment');
}

function text(value: Buffer, key: string): string {
  if (value.length === 0 || value.includes(0))
    throw new BadArchive(`its pax ${key} is empty or has a NUL in it`);
  return utf8(value, key);
}

function decimal(value: Buffer, key: string): number {
  const number = Number(value.toString('latin1'));
  if (!/^[0-9]{1,16}$/.test(value.toString('latin1')) || !Number.isSafeInteger(number))
    throw new BadArchive(`its pax ${key} is not a number`);
  return number;
}
