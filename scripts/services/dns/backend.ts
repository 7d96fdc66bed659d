import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { answers, framed, framesOf, type Query, withId } from './messages.ts';

/** Milliseconds that a backend has for an answer. */
const MOST_MS = 4000;
/** Queries that a backend has not answered yet; the next is answered with SERVFAIL. */
const MOST_OUTSTANDING = 256;

interface Pending {
  readonly query: Query;
  settle(answer: Buffer | Error): void;
}

/** One server of names, in another slice. It may be dead, slow or hostile: that is its own names' loss and nobody else's. */
export class Backend {
  readonly #host: string;
  readonly #port: number;
  #channel: Channel | undefined;
  #outstanding = 0;

  /** @param address as in 198.51.100.10:5301 or [2001:db8::1]:53 */
  constructor(address: string) {
    const [, host = '', port = ''] = /^\[?([0-9a-f.:]+?)\]?:(\d{1,5})$/i.exec(address) ?? [];
    if (!host) throw new Error(`'${address}' is no address with a port, as in 198.51.100.10:5301`);
    this.#host = host;
    this.#port = Number(port);
  }

  /** Its answer, by an id of our own. Throws when there is none. */
  datagram(message: Buffer, query: Query): Promise<Buffer> {
    // A channel without answers is given up for a new one: what its port leads to may be gone, and another be there.
    if (this.#channel?.isDead()) this.close();
    this.#channel ??= new Channel(this.#host, this.#port);
    const channel = this.#channel;
    return this.#counted((settle) => channel.send(message, { query, settle }));
  }

  stream(message: Buffer, query: Query): Promise<Buffer> {
    return this.#counted((settle) => {
      const id = randomInt(0x10000);
      const socket = connect({ host: this.#host, port: this.#port });
      socket.on('error', settle);
      const read = async () => {
        for await (const answer of framesOf(socket)) {
          const isIt = answer.readUInt16BE(0) === id && answers(answer, query);
          return settle(isIt ? answer : new Error('it answers what was not asked'));
        }
        settle(new Error('it hung up'));
      };
      read().catch(settle);
      socket.write(framed(withId(message, id)));
      return () => socket.destroy();
    });
  }

  /** Once what was asked is answered. */
  close(): void {
    this.#channel?.retire();
    this.#channel = undefined;
  }

  /** @param begin is told how to settle it, and returns what ends it */
  #counted(begin: (settle: Pending['settle']) => () => void): Promise<Buffer> {
    if (this.#outstanding >= MOST_OUTSTANDING) return Promise.reject(new Error('it has too much to answer'));
    this.#outstanding++;
    return new Promise<Buffer>((resolve, reject) => {
      const settle = (answer: Buffer | Error) => {
        clearTimeout(timer);
        end();
        if (answer instanceof Error) reject(answer);
        else resolve(answer);
      };
      const timer = setTimeout(settle, MOST_MS, new Error('it is silent'));
      const end = begin(settle);
    }).finally(() => this.#outstanding--);
  }
}

/** A socket connected to a backend: packets of nobody else are read. */
class Channel {
  readonly #socket: Socket;
  readonly #connected: Promise<void>;
  readonly #since = performance.now();
  readonly #pending = new Map<number, Pending>();
  #isSilent = false;
  #isRetired = false;
  #isClosed = false;

  constructor(host: string, port: number) {
    this.#socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    this.#socket.on('message', (answer) => this.#take(answer));
    // As when nobody listens there: all who wait for it know at once.
    this.#socket.on('error', (error) => this.#fail(error));
    this.#connected = new Promise((resolve) => this.#socket.connect(port, host, resolve));
  }

  /** Whether the next query had better go by another. One lasts for a while all the same, since each is a flow of the slice's. */
  isDead(): boolean {
    return this.#isClosed || (this.#isSilent && performance.now() - this.#since > MOST_MS);
  }

  retire(): void {
    this.#isRetired = true;
    if (this.#pending.size === 0) this.#close();
  }

  /** @returns what gives the query up */
  send(message: Buffer, pending: Pending): () => void {
    let id: number;
    do id = randomInt(0x10000);
    while (this.#pending.has(id));
    this.#pending.set(id, pending);
    const packet = withId(message, id);
    this.#connected.then(() => {
      if (!this.#isClosed) this.#socket.send(packet, (error) => error && pending.settle(error));
    });
    return () => {
      if (this.#forget(id)) this.#isSilent = true;
    };
  }

  #take(answer: Buffer): void {
    const id = answer.length < 2 ? -1 : answer.readUInt16BE(0);
    const pending = this.#pending.get(id);
    if (!pending || !answers(answer, pending.query)) return;
    this.#isSilent = false;
    this.#forget(id);
    pending.settle(answer);
  }

  #forget(id: number): boolean {
    const had = this.#pending.delete(id);
    if (this.#isRetired && this.#pending.size === 0) this.#close();
    return had;
  }

  #fail(error: Error): void {
    this.#close();
    for (const { settle } of [...this.#pending.values()]) settle(error);
  }

  #close(): void {
    if (!this.#isClosed) this.#socket.close();
    this.#isClosed = true;
  }
}
