import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ADMINISTRATOR, type Caller } from './caller.ts';

interface Known {
  readonly caller: Caller;
  /** Requests that it has sent and not been answered. */
  waiting: number;
  /** Told what its client did that takes others' time. */
  readonly offended: ((what: Offence) => void) | undefined;
}
export type Offence = 'pipelining' | 'chunks';

/** Who is at the other end of a connection: decided by which socket accepted it, once, before a byte of it is read. */
const known = new WeakMap<Socket, Known>();
/** Requests that a slice may send ahead of their answers. */
const AHEAD = 2;

export const callerOf = (connection: Socket): Caller | undefined => known.get(connection)?.caller;

/** Those that the server itself accepts are the administrator's: it listens at admin.sock, and nowhere else. */
export function administratorsSocket(server: HttpServer): void {
  server.prependListener('connection', (connection: Socket & { server?: unknown }) => {
    // One that `serve` below hands over was accepted by another.
    if (connection.server === server)
      known.set(connection, { caller: ADMINISTRATOR, waiting: 0, offended: undefined });
  });
}

/** Gives a connection that a sliver's socket accepted to the server, as that sliver's. */
export function serve(
  server: HttpServer,
  connection: Socket,
  caller: Caller,
  offended: (what: Offence) => void = () => {},
): void {
  known.set(connection, { caller, waiting: 0, offended });
  server.emit('connection', connection);
}

/**
 * Ahead of everything that takes time. What a connection brings at once is parsed to its end before anybody else has a turn: with 200
 * KiB of small requests, or of a body in chunks of a byte, in each of its connections, a guest had others wait for 5 s.
 */
export function guardRequests(server: HttpServer): void {
  const handlers = server.listeners('request') as ((
    request: IncomingMessage,
    response: ServerResponse,
  ) => void)[];
  server.removeAllListeners('request');
  server.on('request', (request, response) => {
    const connection = known.get(request.socket);
    if (connection?.offended) {
      if (request.socket.destroyed) return; // the rest of what it brought
      if (++connection.waiting > AHEAD) return connection.offended('pipelining');
      response.once('close', () => connection.waiting--);
      if (request.headers['transfer-encoding'] !== undefined) return connection.offended('chunks');
    }
    for (const handler of handlers) handler(request, response);
  });
}
