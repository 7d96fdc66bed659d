import { EventParser } from '../../client/event-parser.ts';
import type { Event } from '../../events/event.ts';
import type { Client } from './client.ts';
import { connectionError } from './endpoint.ts';

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
      const parser = new EventParser<Event>();
      try {
        for await (const piece of response) yield* parser.feed(piece as string);
      } catch (cause) {
        if (!closed) throw connectionError(client.socket, cause);
      }
    },
  };
}
