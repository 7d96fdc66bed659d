import type { Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import { ADMINISTRATOR, type Caller } from './caller.ts';

/** Who is at the other end of a connection: decided by which socket accepted it, once, before a byte of it is read. */
const callers = new WeakMap<Socket, Caller>();

export const callerOf = (connection: Socket): Caller | undefined => callers.get(connection);

/** Those that the server itself accepts are the administrator's: it listens at admin.sock, and nowhere else. */
export function administratorsSocket(server: HttpServer): void {
  server.prependListener('connection', (connection: Socket & { server?: unknown }) => {
    // One that `serve` below hands over was accepted by another.
    if (connection.server === server) callers.set(connection, ADMINISTRATOR);
  });
}

/** Gives a connection that a sliver's socket accepted to the server, as that sliver's. */
export function serve(server: HttpServer, connection: Socket, caller: Caller): void {
  callers.set(connection, caller);
  server.emit('connection', connection);
}
