import { chmodSync, chownSync, closeSync, constants, openSync, renameSync, rmSync, statSync } from 'node:fs';
import type { Server as HttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import type { Logger } from 'pino';
import { type InsideSocket, SOCKET_NAME } from '../../environments/inside-socket.ts';
import { during } from '../../errors.ts';
import type { SliverRecord } from '../../slivers/record.ts';
import type { SliverStore } from '../../slivers/store.ts';
import { Slice } from './caller.ts';
import { type Offence, serve } from './connections.ts';
import { BUSY, HELD_OFF, LENGTH_REQUIRED, PIPELINED } from './refusals.ts';

export interface SliverSocketsOptions {
  readonly store: SliverStore;
  /** Files that this process may have open. */
  readonly openFiles: number;
  /** Called when a sliver has as many connections as it may, or does what keeps others waiting. */
  denied(slice: string, rule: 'connections' | Offence): void;
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

/** A guest who takes others' time by what he sends waits so long. */
const HOLD_OFF = 2000;
/** One body in chunks is a client that knows no better; so many in ten seconds are not. */
const CHUNKED = { most: 5, within: 10_000 };

interface Clients {
  readonly connections: Set<Socket>;
  /** Nobody is served before, on the clock of timers. */
  heldUntil: number;
  /** When bodies came in chunks. */
  chunked: number[];
}

interface Open {
  readonly listener: Server;
  readonly clients: Clients;
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
    const clients: Clients = { connections: new Set(), heldUntil: 0, chunked: [] };
    const caller = new Slice(this.#options.store, sliver);
    listener.on('connection', (connection) => this.#accept(connection, clients, caller));
    listener.on('error', (err) => this.#options.log.warn({ err, sliver: sliver.name }, "a sliver's socket"));
    await during(
      `making the manager's socket of ${sliver.name}`,
      () => listen(listener, folder, group),
      'kernel',
    );
    const { createdAt } = sliver;
    this.#open.set(sliver.id, { listener, clients, folder, inode: inodeOf(folder) ?? 0, createdAt });
  }

  close({ id }: Pick<SliverRecord, 'id'>): void {
    const open = this.#open.get(id);
    if (!open) return;
    this.#open.delete(id);
    open.listener.close();
    for (const connection of open.clients.connections) connection.destroy();
    rmSync(`${open.folder}/${SOCKET_NAME}`, { force: true });
  }

  /** Ends what a slice has under way: what it may has changed. It connects again. */
  disconnect({ id }: Pick<SliverRecord, 'id'>): void {
    for (const connection of this.#open.get(id)?.clients.connections ?? []) connection.destroy();
  }

  /** The daemon ends: nobody is accepted any more. The files stay for the next. */
  end(): void {
    for (const { listener, clients } of this.#open.values()) {
      listener.close();
      for (const connection of clients.connections) connection.destroy();
    }
    this.#open.clear();
  }

  #accept(connection: Socket, clients: Clients, caller: Slice): void {
    connection.on('error', () => {}); // a client that goes away is nobody's trouble
    const server = this.#server;
    if (!server || !caller.record) {
      connection.destroy();
      return;
    }
    if (performance.now() < clients.heldUntil) {
      refuse(connection, HELD_OFF);
      return;
    }
    const { connections } = clients;
    if (connections.size >= this.#most) {
      this.#options.denied(caller.name, 'connections');
      refuse(connection, BUSY);
      return;
    }
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
    serve(server, connection, caller, (what) => this.#offended(connection, clients, caller, what));
  }

  #offended(connection: Socket, clients: Clients, caller: Slice, what: Offence): void {
    const now = performance.now();
    refuse(connection, what === 'chunks' ? LENGTH_REQUIRED : PIPELINED);
    connection.destroy(); // it is read no further
    if (what === 'chunks') {
      clients.chunked = [...clients.chunked.filter((time) => now - time < CHUNKED.within), now];
      if (clients.chunked.length <= CHUNKED.most) return;
    }
    this.#options.denied(caller.name, what);
    clients.heldUntil = now + HOLD_OFF;
    for (const other of clients.connections) other.destroy();
  }

  /** Half of the files that may be open are shared by all slivers; the rest is for the administrator and the daemon's work. */
  get #most(): number {
    const share = Math.floor(this.#options.openFiles / 2 / Math.max(this.#open.size, 1));
    return Math.max(LEAST_CONNECTIONS, Math.min(CONNECTIONS, share));
  }
}

/** Answers without a look at what is asked. */
function refuse(connection: Socket, answer: string): void {
  connection.write(answer);
  connection.destroySoon();
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
