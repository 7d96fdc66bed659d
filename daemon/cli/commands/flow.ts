import { type Command, Option } from 'commander';
import type { Flow, FlowGap } from '../../manager/schemas.ts';
import { Context } from '../context.ts';
import { usage } from '../exit.ts';
import { parseDuration, parseTime } from '../values/time.ts';

export interface FlowAnswer {
  readonly items: Flow[];
  readonly gaps: FlowGap[];
  readonly more: boolean;
  readonly next: string | null;
}

interface FindOptions {
  src?: string;
  sport?: string;
  dst?: string;
  dport?: string;
  proto?: string;
  sliver?: string;
  at?: string;
  slack: string;
  limit: string;
}

/** `flow …`: which slice's a flow was. */
export function flowCommands(program: Command): void {
  const flow = program.command('flow').description('flows of slivers, of now and earlier');
  flow
    .command('find')
    .description("find which slice's a flow was, though the slice may be gone")
    .option('--dst <address>', 'whom it went to, as seen outside')
    .option('--dport <port>', 'the port that it went to')
    .option('--src <address>', 'who began it, as seen outside')
    .option('--sport <port>', 'the port that it came from')
    .option('--proto <protocol>', 'a name as in /etc/protocols (tcp, icmp, ipv6-icmp), or a number')
    .option('--sliver <sliver>', 'only flows of this slice')
    .option(
      '--at <time>',
      'when it was there: 2026-12-24T18:00, with a zone 2026-12-24T18:00Z, or 2h for two hours ago',
    )
    .addOption(new Option('--slack <duration>', 'how wrong that time may be').default('2m'))
    .addOption(new Option('--limit <count>', 'how many at most').default('100'))
    .action(async (options: FindOptions, command: Command) => find(Context.of(command), options));
  flow
    .command('list')
    .alias('ls')
    .argument('<sliver>', 'whose')
    .description('list the flows of a slice, those that go on first, then the latest first')
    .addOption(new Option('--limit <count>', 'how many at most').default('100'))
    .action(async (sliver: string, { limit }: { limit: string }, command: Command) =>
      find(Context.of(command), { sliver, slack: '0s', limit }),
    );
}

async function find(context: Context, options: FindOptions): Promise<void> {
  const query = new URLSearchParams();
  const give = (name: string, value: string | undefined) => value !== undefined && query.set(name, value);
  give('destination', options.dst);
  give('destinationPort', number('--dport', options.dport));
  give('source', options.src);
  give('sourcePort', number('--sport', options.sport));
  give('protocol', options.proto);
  give('sliver', options.sliver);
  give('limit', number('--limit', options.limit));
  if (options.at !== undefined) {
    const slack = parseDuration(options.slack);
    if (slack === undefined) throw usage(`--slack: '${options.slack}' is not a duration: 30s, 2m or 1h`);
    const at = parseTime(options.at, '--at');
    give('from', new Date(at - slack * 1000).toISOString());
    give('to', new Date(at + slack * 1000).toISOString());
  }
  const ask = () => context.client.get<FlowAnswer>(`/v1/flows?${query}`);
  const most = Number(options.limit);
  let answer = await ask();
  // A question that much must be read for is answered in parts.
  while (answer.next !== null && answer.items.length < most) {
    query.set('after', answer.next);
    query.set('limit', String(most - answer.items.length));
    const { items, more, next } = await ask();
    answer = { items: [...answer.items, ...items], gaps: answer.gaps, more, next };
  }
  const { flowTable } = await import('../output/flow.ts');
  context.print(answer, (found, colour) => flowTable(found, colour));
}

function number(option: string, text: string | undefined): string | undefined {
  if (text !== undefined && !/^[0-9]{1,5}$/.test(text)) throw usage(`${option}: '${text}' is not a number`);
  return text;
}
