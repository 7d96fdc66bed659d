import { Type } from 'typebox';
import { Event } from '../../events/event.ts';
import { EventView } from '../callers/event-view.ts';
import type { Manager, Server } from '../context.ts';

const Query = Type.Object(
  {
    subject: Type.Optional(Type.String({ maxLength: 256 })),
    after: Type.Optional(Type.String({ pattern: '^[0-9]{1,15}$' })),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,3}$' })),
  },
  { additionalProperties: false },
);
/** What a reader may leave unread before it is cut off: it can resume where it was. */
const MOST_UNREAD = 1024 * 1024;
/** In a page, unless the administrator asks for more: what a client never reads is kept for it. */
const MOST = 1000;
const HEARTBEAT = 15_000;

export function eventRoutes(server: Server, { events, store, node }: Manager): void {
  server.get(
    '/v1/events',
    {
      schema: {
        summary:
          'What happened: a page of kept events, or a stream (Accept: text/event-stream, Last-Event-ID)',
        tags: ['events'],
        querystring: Query,
        response: { 200: Type.Object({ items: Type.Array(Event) }) },
      },
    },
    async ({ query, headers, caller }, reply) => {
      const view = new EventView(caller, store, node.name, query.subject);
      const since = Number(headers['last-event-id'] ?? query.after ?? Number.NaN);
      if (!/text\/event-stream/.test(headers.accept ?? ''))
        return {
          items: view.page(
            events,
            since || 0,
            Math.min(Number(query.limit ?? MOST), caller.name === null ? 9999 : MOST),
          ),
        };

      reply.hijack();
      const stream = reply.raw;
      stream.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      stream.flushHeaders();
      const send = (event: Event) => {
        if (stream.writableLength > MOST_UNREAD) return void stream.destroy();
        stream.write(
          `${event.id ? `id: ${event.id}\n` : ''}event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`,
        );
      };
      // Nothing happens between the two: both are synchronous.
      if (!Number.isNaN(since)) for (const event of view.page(events, since, 10_000)) send(event);
      const unlisten = events.listen((event) => view.shows(event) && send(event));
      const heartbeat = setInterval(() => stream.write(': still here\n\n'), HEARTBEAT);
      stream.on('close', () => {
        clearInterval(heartbeat);
        unlisten();
      });
      return reply;
    },
  );
}
