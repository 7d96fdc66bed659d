import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { Backend } from './dns/backend.ts';
import { failed, framed, framesOf, NOTIMP, queryOf, REFUSED, SERVFAIL } from './dns/messages.ts';
import { ask, Problem } from './shared/manager.ts';

/**
 * A DNS multiplexer: holds port 53, of which the node has one, and passes each query to the slice that serves its name, by the longest
 * suffix. Its slice needs no role; the others serve their names on ports of their own, which they hold by POST /v1/ports (or another slice
 * could take one of a server that is down, and answer in its place). It runs as
 *   node dns-multiplexer.ts --names names.json
 * with a file such as {"p2ps.example": "198.51.100.10:5301", "": "[2001:db8::1]:53"} ('' is all other names), read anew on SIGHUP.
 *
 * Names that are nobody's are REFUSED, what a server doesn't answer within 4 s is SERVFAIL, and what is no query is dropped. A
 * server sees the multiplexer as its client. There are no zone transfers.
 */
const { values: options } = parseArgs({
  options: {
    names: { type: 'string', default: 'names.json' },
    address: { type: 'string', default: '::' },
    port: { type: 'string', default: '53' },
  },
});
const port = Number(options.port);
/** Of one client, which is an IPv6 network of 64 bits or an IPv4 address: queries that are not answered yet, and connections. */
const MOST_QUERIES = 64;
const MOST_CONNECTIONS = 8;
const MOST_CONNECTIONS_OF_ALL = 256;
/** Of a query by TCP. */
const MOST_BYTES = 4096;
/** Milliseconds that a client's connection may be idle, and may last. */
const IDLE_MS = 10_000;
const LASTS_MS = 60_000;

/** How much each client has of something. */
class Bounded {
  readonly #most: number;
  readonly #had = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  take(client: string): boolean {
    const had = this.#had.get(client) ?? 0;
    if (had < this.#most) this.#had.set(client, had + 1);
    return had < this.#most;
  }

  give(client: string): void {
    const had = this.#had.get(client) ?? 0;
    if (had > 1) this.#had.set(client, had - 1);
    else this.#had.delete(client);
  }
}
const queries = new Bounded(MOST_QUERIES);
const connections = new Bounded(MOST_CONNECTIONS);

function clientOf(address = ''): string {
  if (address.includes('.')) return address;
  const [head = '', tail] = address.split('::');
  const first = head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array(8 - first.length - last.length).fill('0');
  return [...first, ...zeros, ...last].slice(0, 4).join(':');
}

function readNames(): Map<string, Backend> {
  const names = Object.entries(JSON.parse(readFileSync(options.names, 'utf8')));
  return new Map(
    names.map(([suffix, address]) => [suffix.toLowerCase().replace(/\.$/, ''), new Backend(String(address))]),
  );
}
let names = readNames();

function backendOf(labels: readonly string[]): Backend | undefined {
  for (let skipped = 0; skipped <= labels.length; skipped++) {
    const backend = names.get(labels.slice(skipped).join('.'));
    if (backend) return backend;
  }
  return undefined;
}

/** What to answer; undefined: nothing. */
async function answered(
  message: Buffer,
  client: string,
  by: 'datagram' | 'stream',
): Promise<Buffer | undefined> {
  const query = queryOf(message);
  if (!query) return undefined;
  if (!query.isPlain) return failed(message, query, NOTIMP);
  const backend = backendOf(query.labels);
  if (!backend) return failed(message, query, REFUSED);
  if (!queries.take(client)) return undefined;
  try {
    const answer = await backend[by](message, query);
    message.copy(answer, 0, 0, 2);
    return answer;
  } catch {
    return failed(message, query, SERVFAIL);
  } finally {
    queries.give(client);
  }
}

async function serve(socket: Socket): Promise<void> {
  const client = clientOf(socket.remoteAddress);
  socket.on('error', () => {}); // it went away: so does what was asked
  if (!connections.take(client)) return void socket.destroy();
  const end = setTimeout(() => socket.destroy(), LASTS_MS);
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  try {
    for await (const message of framesOf(socket, MOST_BYTES)) {
      const answer = await answered(message, client, 'stream');
      if (!answer || socket.destroyed) break;
      await new Promise((written) => socket.write(framed(answer), written));
    }
  } catch {
    // It was cut off in the middle.
  } finally {
    clearTimeout(end);
    connections.give(client);
    socket.destroySoon();
  }
}

/** Holds the port also while this doesn't run. */
async function hold(): Promise<void> {
  const { name: sliver } = await ask<{ name: string }>('GET', '/v1/self');
  for (const protocol of ['udp', 'tcp']) await ask('POST', '/v1/ports', { sliver, protocol, port });
}

try {
  await hold();
} catch (error) {
  // Whose it is stands there. While the daemon is away, a port that was held is held still.
  console.log((error as Error).message);
  if (error instanceof Problem) process.exit(1);
}
process.on('SIGHUP', () => {
  try {
    const next = readNames();
    for (const backend of names.values()) backend.close();
    names = next;
    console.log(`${names.size} names`);
  } catch (error) {
    console.log(`${options.names} is not gone by: ${(error as Error).message}`);
  }
});
const datagrams = createSocket(options.address.includes(':') ? 'udp6' : 'udp4');
datagrams.on('message', async (message, { address, port: from }) => {
  const answer = await answered(message, clientOf(address), 'datagram');
  if (answer) datagrams.send(answer, from, address, () => {});
});
datagrams.bind({ port, address: options.address });
const streams = createServer((socket) => void serve(socket));
streams.maxConnections = MOST_CONNECTIONS_OF_ALL;
streams.listen(port, options.address, () => console.log(`${names.size} names on port ${port}`));
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));
