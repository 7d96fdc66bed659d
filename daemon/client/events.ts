import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventParser } from './event-parser.ts';
import { ProblemError } from './problem.ts';
import type { Answer } from './types.ts';

export type Event = Answer<'GET', '/v1/events'>['items'][number];

export interface EventOptions {
  /** Those of one sliver or image. */
  readonly subject?: string;
  /** Those that are kept since the event with this id (0: all) come first. */
  readonly after?: number;
  readonly signal?: AbortSignal;
}

type Open = (
  path: string,
  headers: Record<string, string>,
  signal: AbortSignal | undefined,
) => Promise<IncomingMessage>;

/** Between a connection that was lost and the next, milliseconds. */
const PAUSE = 1000;

/** The stream, over as many connections as it takes. The first that can't be had ends it: there may be no such node. */
export async function* events(
  open: Open,
  { subject, after, signal }: EventOptions,
): AsyncGenerator<Event, void, undefined> {
  const path = `/v1/events${subject === undefined ? '' : `?subject=${encodeURIComponent(subject)}`}`;
  let last = after;
  let begun = false;
  while (!signal?.aborted) {
    const headers: Record<string, string> = { accept: 'text/event-stream' };
    if (last !== undefined) headers['last-event-id'] = String(last);
    try {
      const stream = await open(path, headers, signal);
      begun = true;
      const parser = new EventParser<Event>();
      for await (const piece of stream.setEncoding('utf8'))
        for (const event of parser.feed(piece as string)) {
          // Progress, which isn't kept, has none.
          if (event.id !== 0) last = event.id;
          yield event;
        }
    } catch (error) {
      if (signal?.aborted) return;
      if (!begun || (error instanceof ProblemError && error.status !== 503)) throw error;
    }
    await sleep(PAUSE, undefined, { signal }).catch(() => {});
  }
}
