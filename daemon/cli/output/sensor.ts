import type { SensorList } from '../../manager/schemas.ts';
import type { SensorAnswer } from '../commands/sensor.ts';
import { usage } from '../exit.ts';
import { properties, table } from './table.ts';

export function sensorTable({ items }: SensorList, colour: boolean): string {
  return table(
    ['SENSOR', 'BY', 'MAX AGE', 'WHAT'],
    items.map(({ name, author, maxAge, description }) => [
      name,
      author ?? 'the node',
      `${maxAge} s`,
      description,
    ]),
    { colour, right: ['MAX AGE'] },
  );
}

/** One tuple as a list, since there is room for all its columns; more of them as a table. */
export function tuplesText(
  answer: SensorAnswer,
  wanted: readonly string[] | undefined,
  colour: boolean,
): string {
  const { name, items } = answer;
  const names = answer.columns.map((column) => column.name);
  const unknown = wanted?.find((column) => !names.includes(column));
  if (unknown !== undefined)
    throw usage(`${name} has no column '${unknown}'`, `its columns: ${names.join(', ')}`);
  const columns = wanted ?? names;
  const text = (item: SensorAnswer['items'][number], column: string) => String(item[column] ?? '');
  const [only] = items;
  if (only && items.length === 1)
    return properties(
      columns.map((column) => [column, text(only, column)]),
      colour,
    );
  const numbers = answer.columns.filter(({ type }) => type === 'number').map((column) => column.name);
  return table(
    columns,
    items.map((item) => columns.map((column) => text(item, column))),
    { colour, right: numbers },
  );
}
