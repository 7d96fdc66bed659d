import type { Event } from '../../events/event.ts';
import type { Client } from '../connection/client.ts';
import { type Subscription, subscribe } from '../connection/events.ts';
import { EXIT } from '../exit.ts';
import { formatSpan } from '../values/time.ts';
import { plain } from './style.ts';

/** What an event tells about work that somebody waits for; undefined for events about something else. */
export function progressText(event: Event): string | undefined {
  const { doing, message, percent, step } = event.data as Record<string, unknown>;
  if (event.type === 'sliver.progress') return plain(String(doing ?? step ?? ''));
  if (event.type !== 'image.progress') return undefined;
  return `${plain(String(message ?? ''))}${typeof percent === 'number' ? ` (${Math.round(percent)} %)` : ''}`;
}

/** Shorter than this, a line that comes and goes is only a flicker. */
const PATIENCE = 200;

/**
 * Runs `work` and tells on standard error what it waits for: on a terminal one line that is cleared at the end; else
 * nothing, or with `lines` a line per message (for builds that take minutes, in a log).
 */
export async function whileWaiting<T>(
  client: Client,
  subject: string,
  work: () => Promise<T>,
  options: { lines?: boolean; output?: NodeJS.WriteStream } = {},
): Promise<T> {
  const output = options.output ?? process.stderr;
  if (!output.isTTY && !options.lines) return work();
  let subscription: Subscription | undefined;
  // Progress is a courtesy: without it the work is done all the same, and tells its own errors.
  subscription = await subscribe(client, { subject }).catch(() => undefined);
  const began = Date.now();
  let doing = 'waiting';
  const draw = () => {
    const elapsed = Date.now() - began;
    if (!output.isTTY || elapsed < PATIENCE) return;
    const line = `${subject}: ${doing} … ${formatSpan(elapsed)}`;
    output.write(`\r${line.slice(0, Math.max(20, (output.columns || 80) - 1))}\u001b[K`);
  };
  const listening = (async () => {
    if (!subscription) return;
    for await (const event of subscription) {
      const text = progressText(event);
      if (!text || text === doing) continue;
      doing = text;
      if (output.isTTY) draw();
      else output.write(`${subject}: ${doing}\n`);
    }
  })().catch(() => {});
  // The daemon goes on with what it has accepted; who stops waiting must know that nothing is taken back.
  const interrupted = () => {
    if (output.isTTY) output.write('\r\u001b[K');
    output.write(`${subject}: no longer waiting; the daemon goes on with it\n`);
    process.exit(EXIT.interrupted);
  };
  process.once('SIGINT', interrupted);
  const timer = setInterval(draw, 500);
  const first = setTimeout(draw, PATIENCE);
  try {
    return await work();
  } finally {
    process.removeListener('SIGINT', interrupted);
    clearInterval(timer);
    clearTimeout(first);
    subscription?.close();
    await listening;
    if (output.isTTY) output.write('\r\u001b[K');
  }
}
