import type { Column, Tuples, Value } from './sensor.ts';

export const OPENMETRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** What metrics are made of a sensor's tuples: `prefix` of their names, and the column that tells its tuples apart. */
export interface Source {
  readonly tuples: Tuples;
  readonly prefix: string;
  readonly label?: string;
}

/** OpenMetrics 1.0: as many series as the tuples of the sources have cells of metrics, and no more. */
export function toOpenMetrics(sources: readonly Source[]): string {
  return `${sources.flatMap(families).join('')}# EOF\n`;
}

function families({ tuples: { columns, rows }, prefix, label }: Source): string[] {
  const named = columns.findIndex(({ name }) => name === label);
  const labels = (row: readonly Value[]) =>
    label && named >= 0 ? `{${label}="${escaped(String(row[named]))}"}` : '';
  return columns.flatMap((column, at) => {
    if (!column.metric) return [];
    const name = `${prefix}_${column.name}`;
    const sample = column.metric === 'counter' ? `${name}_total` : name;
    const known = rows.filter((row) => row[at] !== null && row[at] !== undefined);
    const series = known.map((row) => `${sample}${labels(row)} ${Number(row[at])}\n`);
    return [head(name, column), ...series];
  });
}

function head(name: string, { metric, unit, description }: Column): string {
  // A unit is told of a metric only that has it at the end of its name.
  const told = unit && name.endsWith(`_${unit}`) ? `# UNIT ${name} ${unit}\n` : '';
  return `# TYPE ${name} ${metric}\n${told}# HELP ${name} ${escaped(description)}\n`;
}

const escaped = (text: string) =>
  text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
