import type { Event } from '../events/event.ts';
import type { EventsOptions } from './commands/node.ts';
import type { Client } from './connection/client.ts';
import { subscribe } from './connection/events.ts';
import type { Context } from './context.ts';
import { paint, plain, type Style } from './output/style.ts';
import { formatTime } from './values/time.ts';

/** Of what a person follows, so much of what was before is shown. */
const BEFORE = 10;
const PAGE = 1000;

/** `events`: the kept ones, and with `follow` those to come. With `--json --follow` one event a line. */
export async function showEvents(context: Context, options: EventsOptions): Promise<void> {
  const kept = await keptEvents(context.client, options);
  if (!options.follow) {
    const items = options.limit === undefined ? kept : lastOf(kept, options.limit);
    context.print({ items }, () => items.map((event) => eventText(event, context.colour)).join(''));
    return;
  }
  const show = (event: Event) =>
    process.stdout.write(context.json ? `${JSON.stringify(event)}\n` : eventText(event, context.colour));
  lastOf(kept, options.limit ?? (options.after === undefined ? BEFORE : kept.length)).forEach(show);
  // From the last one seen on: what happens between the list and the stream is not lost.
  const after = kept.at(-1)?.id ?? options.after ?? 0;
  for await (const event of await subscribe(context.client, { subject: options.subject, after })) show(event);
}

/** All kept events that are asked for: the API gives the oldest first, in pages. */
async function keptEvents(client: Client, options: EventsOptions): Promise<Event[]> {
  const all: Event[] = [];
  let after = options.after ?? 0;
  for (;;) {
    const query = new URLSearchParams({ after: String(after), limit: String(PAGE) });
    if (options.subject !== undefined) query.set('subject', options.subject);
    const { items } = await client.get<{ items: Event[] }>(`/v1/events?${query}`);
    all.push(...items);
    if (items.length < PAGE) return all;
    after = items.at(-1)!.id;
  }
}

function lastOf<T>(items: readonly T[], count: number): T[] {
  return count === 0 ? [] : items.slice(-count);
}

export function eventText(event: Event, colour: boolean): string {
  const style: Style | undefined = /failed|expire[ds]|refused/.test(event.type)
    ? 'red'
    : /progress/.test(event.type)
      ? 'dim'
      : undefined;
  const data = Object.entries(event.data)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? quote(value) : JSON.stringify(value)}`)
    .join(' ');
  const type = paint(plain(event.type).padEnd(18), style, colour);
  return `${formatTime(event.time)}  ${type}  ${plain(event.subject).padEnd(16)}  ${plain(data)}`
    .trimEnd()
    .concat('\n');
}

function quote(value: string): string {
  return /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value);
}
