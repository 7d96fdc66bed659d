import type { Tuples, Value } from './sensor.ts';

/** A spreadsheet takes what begins so for a formula, and runs it. */
const FORMULA = /^ *[=+\-@]/;
const NUMBER = /^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** As text: what filters compare, and CSV has. */
export const textOf = (value: Value | undefined): string => (value ?? '').toString();

/**
 * RFC 4180 with a header row. A tuple is one line, whatever its texts hold: control characters become spaces. A text that a
 * spreadsheet would run has an apostrophe ahead of it.
 */
export function toCsv({ columns, rows }: Tuples): string {
  const line = (values: readonly Value[]) => `${values.map(cell).join(',')}\r\n`;
  return line(columns.map(({ name }) => name)) + rows.map(line).join('');
}

function cell(value: Value): string {
  if (typeof value !== 'string') return textOf(value);
  const plain = value.replace(CONTROL, ' ');
  const safe = FORMULA.test(plain) && !NUMBER.test(plain) ? `'${plain}` : plain;
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const CELL = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r?\n|$)/y;

/** Records of cells; lines may end with LF alone, the last one with nothing. Undefined: that is no CSV. @param most cells */
export function parseCsv(text: string, most: number): string[][] | undefined {
  const records: string[][] = [];
  let record: string[] = [];
  let cells = 0;
  CELL.lastIndex = 0;
  while (CELL.lastIndex < text.length || record.length > 0) {
    const found = CELL.exec(text);
    if (!found || ++cells > most) return undefined;
    const [, quoted, plain = '', end] = found;
    record.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    records.push(record);
    record = [];
  }
  return records;
}
