import { parseCsv } from '../csv.ts';
import type { Tuples } from '../sensor.ts';

/** What the program of a slice answers with, head and body. */
export const MOST_BYTES = 256 * 1024;
const MOST_HEAD = 8192;
const MOST_COLUMNS = 64;
const MOST_CELLS = 8192;
const COLUMN = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/;

const END_OF_HEAD = '\r\n\r\n';
const CONTENT_LENGTH = /\r\ncontent-length: *([0-9]{1,7}) *(?:\r\n|$)/i;

/** Bytes of an answer that has begun, as far as its head says it; `Infinity`: until it is closed; undefined: the head isn't whole yet; 0: nor will it be. */
export function lengthOf(bytes: Buffer): number | undefined {
  const head = headOf(bytes);
  if (head === undefined) return bytes.length > MOST_HEAD ? 0 : undefined;
  const length = CONTENT_LENGTH.exec(head)?.[1] ?? Number.POSITIVE_INFINITY;
  return head.length + END_OF_HEAD.length + Number(length);
}

/** Tuples of an answer of HTTP with CSV, or why it gives none, in words of ours alone. */
export function tuplesOf(bytes: Buffer): Tuples | string {
  const head = headOf(bytes);
  if (head === undefined) return 'what it answers is no HTTP';
  const status = /^HTTP\/1\.[01] ([0-9]{3})/.exec(head)?.[1];
  if (status === undefined) return 'what it answers is no HTTP';
  if (status !== '200') return 'it answers with another status than 200';
  if (!/\r\ncontent-type: *text\/csv *(;|\r\n|$)/i.test(head)) return 'its content-type is not text/csv';
  if (/\r\n(transfer-encoding|content-encoding):/i.test(head))
    return 'it answers in an encoding: HTTP/1.0 was spoken, which has none';
  let text: string;
  try {
    const body = bytes.subarray(head.length + END_OF_HEAD.length, lengthOf(bytes));
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return 'its text is not UTF-8';
  }
  const records = parseCsv(text, MOST_CELLS);
  if (!records) return `it is not CSV (RFC 4180), or has more than ${MOST_CELLS} cells`;
  return tuplesIn(records);
}

function tuplesIn([names = [], ...rows]: string[][]): Tuples | string {
  if (names.length > MOST_COLUMNS) return `it has more than ${MOST_COLUMNS} columns`;
  if (names.length === 0 || !names.every((name) => COLUMN.test(name)))
    return 'its first line is not the names of columns, of letters, digits and _.-';
  if (new Set(names).size < names.length) return 'two of its columns have one name';
  const odd = rows.findIndex((row) => row.length !== names.length);
  if (odd >= 0) return `its row ${odd + 1} has another number of cells than there are columns`;
  return { columns: names.map((name) => ({ name, type: 'text', description: '' })), rows };
}

function headOf(bytes: Buffer): string | undefined {
  const end = bytes.subarray(0, MOST_HEAD).indexOf(END_OF_HEAD);
  return end < 0 ? undefined : bytes.toString('latin1', 0, end);
}
