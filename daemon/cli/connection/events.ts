import type { Event } from '../../events/event.ts';
import type { Client } from './client.ts';
import { connectionError } from './endpoint.ts';

/** Server-sent events cut out of text that arrives in pieces (WHATWG HTML, 9.2.6), as far as this API uses them. */
export class EventParser {
  #rest = '';
  #data: string[] = [];

  /** @returns the events that this piece completes. */
  feed(piece: string): Event[] {
    const lines = (this.#rest + piece).split('\n');
    this.#rest = lines.pop()!;
    const events: Event[] = [];
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (line.startsWith('data:')) this.#data.push(line.slice(5).replace(/^ /, ''));
      if (line !== '' || this.#data.length === 0) continue;
      const data = this.#data.join('\n');
      this.#data = [];
      try {
        events.push(JSON.parse(data) as Event);
      } catch {
        // Not an event of ours: a newer daemon may send other data.
      }
    }
    return events;
  }
}

export interface Subscription extends AsyncIterable<Event> {
  close(): void;
}

/** Opens the stream of events; settles when the daemon has it open, so that nothing done after is missed. */
export async function subscribe(
  client: Client,
  options: { subject?: string | undefined; after?: number | undefined } = {},
): Promise<Subscription> {
  const query = options.subject === undefined ? '' : `?subject=${encodeURIComponent(options.subject)}`;
  const response = await client.open('GET', `/v1/events${query}`, {
    headers: {
      accept: 'text/event-stream',
      ...(options.after === undefined ? {} : { 'last-event-id': String(options.after) }),
    },
  });
  let closed = false;
  response.setEncoding('utf8');
  // Without a reader an error (the daemon went away) would be thrown at nobody.
  response.on('error', () => {});
  return {
    close() {
      closed = true;
      response.destroy();
    },
    async *[Symbol.asyncIterator]() {
      const parser = new EventParser();
      try {
        for await (const piece of response) yield* parser.feed(piece as string);
      } catch (cause) {
        if (!closed) throw connectionError(client.socket, cause);
      }
    },
  };
}
