import type { Command } from 'commander';
import type { SensorAbout, SensorList } from '../../manager/schemas.ts';
import { Context, pathOf } from '../context.ts';
import { usage } from '../exit.ts';

/** What a sensor answers in JSON. */
export interface SensorAnswer extends Pick<SensorAbout, 'name' | 'author' | 'columns'> {
  readonly items: readonly Readonly<Record<string, string | number | boolean | null>>[];
}

interface ShowOptions {
  readonly csv?: boolean;
  readonly columns?: string;
}

/** `sensor …`: tuples about the node and its slivers. */
export function sensorCommands(program: Command): void {
  const sensor = program.command('sensor').description('tuples about the node and its slivers');
  sensor
    .command('list')
    .alias('ls')
    .description("list sensors, the node's own and those that slices publish")
    .action(async (_options, command: Command) => {
      const context = Context.of(command);
      const { sensorTable } = await import('../output/sensor.ts');
      context.print(await context.client.get<SensorList>('/v1/sensors'), sensorTable);
    });
  sensor
    .command('show')
    .argument('<sensor>', "as 'sensor list' has it")
    .argument('[column=value...]', 'only rows that have this there; of one column: any of them')
    .description('read a sensor')
    .option('--csv', 'print its CSV (RFC 4180) and nothing else')
    .option('-c, --columns <list>', 'only these columns for people to read, as in slice,cpu_percent_1m')
    .addHelpText(
      'after',
      '\nExamples:\n  sliverctl sensor show slivers -c slice,cpu_percent_1m,up_bps_1m\n  sliverctl sensor show slivers slice=ucb_p2ps\n  sliverctl sensor show ports protocol=udp --csv',
    )
    .action(async (name: string, filters: string[], options: ShowOptions, command: Command) => {
      const context = Context.of(command);
      const query = queryOf(filters);
      if (options.csv && context.json) throw usage('--csv and --json: one of them');
      if (options.csv) {
        const headers = { accept: 'text/csv' };
        const path = `${pathOf('sensors', name)}?${query}`;
        process.stdout.write(await context.client.request<string>('GET', path, { headers }));
        return;
      }
      query.set('format', 'json');
      const answer = await context.client.get<SensorAnswer>(`${pathOf('sensors', name)}?${query}`);
      const { tuplesText } = await import('../output/sensor.ts');
      const columns = options.columns?.split(',').filter(Boolean);
      context.print(answer, (found, colour) => tuplesText(found, columns, colour));
    });
}

function queryOf(filters: readonly string[]): URLSearchParams {
  const query = new URLSearchParams();
  for (const filter of filters) {
    const at = filter.indexOf('=');
    if (at < 1) throw usage(`'${filter}': rows are picked by COLUMN=VALUE`);
    query.append(filter.slice(0, at), filter.slice(at + 1));
  }
  return query;
}
