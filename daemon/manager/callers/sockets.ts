import { chmodSync, chownSync, closeSync, constants, openSync, renameSync, rmSync, statSync } from 'node:fs';
import type { Server as HttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import type { Logger } from 'pino';
import { type InsideSocket, SOCKET_NAME } from '../../environments/inside-socket.ts';
import { during } from '../../errors.ts';
import type { SliverRecord } from '../../slivers/record.ts';
import type { SliverStore } from '../../slivers/store.ts';
import { Slice } from './caller.ts';
import { serve } from './connections.ts';

export interface SliverSocketsOptions {
  readonly store: SliverStore;
  /** Files that this process may have open. */
  readonly openFiles: number;
  /** Called when a sliver has as many connections as it may. */
  crowded(slice: string): void;
  readonly log: Logger;
}

/** Connections of one sliver at once; where the process may open few files, less. */
const CONNECTIONS = 32;
const LEAST_CONNECTIONS = 4;
/**
 * So many wait to be accepted, at no cost but the guest's own memory; whoever comes then waits in connect(). One is accepted of each
 * socket in a round of the event loop, so a guest who connects without end keeps the others waiting for one of his at a time.
 */
const BACKLOG = 128;

const BUSY = JSON.stringify({
  type: 'urn:sliverd:problem:busy',
  title: 'Too much at once',
  status: 503,
  detail: 'this sliver has as many connections to its manager as it may: close some',
  code: 'busy',
});
const BUSY_ANSWER =
  `HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nconnection: close\r\n` +
  `content-length: ${Buffer.byteLength(BUSY)}\r\n\r\n${BUSY}`;

interface Open {
  readonly listener: Server;
  readonly connections: Set<Socket>;
  readonly folder: string;
  /** Of the socket's file: another, or none, and it is made anew. */
  readonly inode: number;
  readonly createdAt: number;
}

/**
 * The manager's socket in each sliver. Who speaks is known by which of them accepted (docs/decisions/0030-manager-socket.md). The
 * file is made anew by each daemon in a folder that stays mounted, so slivers that run on find it where it was.
 */
export class SliverSockets implements InsideSocket {
  readonly #options: SliverSocketsOptions;
  readonly #open = new Map<number, Open>();
  #server: HttpServer | undefined;

  constructor(options: SliverSocketsOptions) {
    this.#options = options;
  }

  /** Who answers from now on. Before that nobody's socket is open. */
  answerBy(server: HttpServer): void {
    this.#server = server;
  }

  async open(sliver: SliverRecord, folder: string, group: number): Promise<void> {
    const had = this.#open.get(sliver.id);
    if (had && had.folder === folder && had.createdAt === sliver.createdAt && had.inode === inodeOf(folder))
      return;
    this.close(sliver);
    const listener = createServer({ allowHalfOpen: true });
    const connections = new Set<Socket>();
    const caller = new Slice(this.#options.store, sliver);
    listener.on('connection', (connection) => this.#accept(connection, connections, caller));
    listener.on('error', (err) => this.#options.log.warn({ err, sliver: sliver.name }, "a sliver's socket"));
    await during(
      `making the manager's socket of ${sliver.name}`,
      () => listen(listener, folder, group),
      'kernel',
    );
    const { createdAt } = sliver;
    this.#open.set(sliver.id, { listener, connections, folder, inode: inodeOf(folder) ?? 0, createdAt });
  }

  close({ id }: Pick<SliverRecord, 'id'>): void {
    const open = this.#open.get(id);
    if (!open) return;
    this.#open.delete(id);
    open.listener.close();
    for (const connection of open.connections) connection.destroy();
    rmSync(`${open.folder}/${SOCKET_NAME}`, { force: true });
  }

  /** Ends what a slice has under way: what it may has changed. It connects again. */
  disconnect({ id }: Pick<SliverRecord, 'id'>): void {
    for (const connection of this.#open.get(id)?.connections ?? []) connection.destroy();
  }

  /** The daemon ends: nobody is accepted any more. The files stay for the next. */
  end(): void {
    for (const { listener, connections } of this.#open.values()) {
      listener.close();
      for (const connection of connections) connection.destroy();
    }
    this.#open.clear();
  }

  #accept(connection: Socket, connections: Set<Socket>, caller: Slice): void {
    connection.on('error', () => {}); // a client that goes away is nobody's trouble
    const server = this.#server;
    if (!server || !caller.record) {
      connection.destroy();
      return;
    }
    if (connections.size >= this.#most) {
      this.#options.crowded(caller.name);
      connection.write(BUSY_ANSWER);
      connection.destroySoon();
      return;
    }
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
    serve(server, connection, caller);
  }

  /** Half of the files that may be open are shared by all slivers; the rest is for the administrator and the daemon's work. */
  get #most(): number {
    const share = Math.floor(this.#options.openFiles / 2 / Math.max(this.#open.size, 1));
    return Math.max(LEAST_CONNECTIONS, Math.min(CONNECTIONS, share));
  }
}

/**
 * By a descriptor of the folder: its path may be longer than an address of a socket can be (108 bytes). By its name only once it
 * answers and the right ones may connect: until then the umask leaves that to root.
 */
async function listen(listener: Server, folder: string, group: number): Promise<void> {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const [fresh, path] = [`/proc/self/fd/${fd}/${SOCKET_NAME}.new`, `/proc/self/fd/${fd}/${SOCKET_NAME}`];
    rmSync(fresh, { force: true });
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen({ path: fresh, backlog: BACKLOG }, () => {
        listener.off('error', reject);
        resolve();
      });
    });
    // The node's own: a guest that owned it could let others in that the node can't see.
    chownSync(fresh, 0, group);
    chmodSync(fresh, 0o660);
    renameSync(fresh, path);
  } finally {
    closeSync(fd);
  }
}

function inodeOf(folder: string): number | undefined {
  return statSync(`${folder}/${SOCKET_NAME}`, { throwIfNoEntry: false })?.ino;
}
