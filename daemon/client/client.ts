import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { type Event, type EventOptions, events } from './events.ts';
import { ProblemError } from './problem.ts';
import { type Connect, StreamAgent, socket } from './transport.ts';
import type { Answer, Arguments, Method, Path } from './types.ts';

export interface Options {
  /** Answer as soon as the request is recorded, and don't wait until it is so (RFC 7240). */
  readonly respondAsync?: boolean;
  readonly signal?: AbortSignal;
}

/** More of them wait: a sliver has 32 connections at once. */
const REQUESTS_AT_ONCE = 8;

type Rest<A> = object extends A ? [A?, Options?] : [A, Options?];

/**
 * The manager's API by one node's socket. Nothing is sent twice by itself: whether a request that lost its connection was heard nobody
 * knows; ask what is there.
 */
export class Client implements Disposable {
  readonly #requests: StreamAgent;
  readonly #streams: StreamAgent;

  /** @param to a socket's path, or what opens a connection. */
  constructor(to: string | Connect) {
    const connect = typeof to === 'string' ? socket(to) : to;
    this.#requests = new StreamAgent(connect, REQUESTS_AT_ONCE);
    // One that has a connection for as long as it is read must not keep a request waiting.
    this.#streams = new StreamAgent(connect, Number.POSITIVE_INFINITY);
  }

  /**
   * One request, as in `request('PATCH', '/v1/slivers/{name}', { path: { name }, body: { rspec: { 'cpu.max': 2 } } })`.
   * Rejects with a ProblemError when the manager says no, with the connection's error when there is none.
   */
  async request<M extends Method, P extends Path<M>>(
    method: M,
    path: P,
    ...[parts = {} as Arguments<M, P>, options = {}]: Rest<Arguments<M, P>>
  ): Promise<Answer<M, P>> {
    const { body } = parts as Parts;
    const headers = options.respondAsync ? { prefer: 'respond-async' } : {};
    const answer = await open(
      { agent: this.#requests, method, path: target(path, parts as Parts), headers, signal: options.signal },
      body,
    );
    return (await decoded(answer)) as Answer<M, P>;
  }

  /**
   * What happens, from now on or since an event (`after`). When the connection is lost, it is opened again from the last event that
   * was told, until `signal` or the end of the loop.
   */
  events(options: EventOptions = {}): AsyncGenerator<Event, void, undefined> {
    return events(
      (path, headers, signal) => open({ agent: this.#streams, method: 'GET', path, headers, signal }),
      options,
    );
  }

  /** Ends all connections. */
  close(): void {
    this.#requests.destroy();
    this.#streams.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The answer as a stream, once it has begun well. */
async function open(
  { headers, signal, ...how }: RequestOptions & { headers: Record<string, string> },
  body?: unknown,
): Promise<IncomingMessage> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const length = text === undefined ? 0 : Buffer.byteLength(text);
  const content = text === undefined ? {} : { 'content-type': 'application/json', 'content-length': length };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request(
      { ...how, host: 'node', headers: { ...headers, ...content }, ...(signal ? { signal } : {}) },
      resolve,
    );
    sent.on('error', reject);
    sent.end(text);
  });
  const status = answer.statusCode ?? 0;
  if (status >= 400) throw new ProblemError(status, await decoded(answer));
  return answer;
}

interface Parts {
  readonly path?: object;
  readonly query?: object;
  readonly body?: unknown;
}

/** The path with its parameters in place, and the query. */
function target(path: string, parts: Parts): string {
  const of = new Map<string, unknown>(Object.entries(parts.path ?? {}));
  const whole = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(of.get(name))));
  const given = Object.entries(parts.query ?? {}).filter(([, value]) => value !== undefined);
  const query = new URLSearchParams(
    given.map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();
  return query === '' ? whole : `${whole}?${query}`;
}

async function decoded(answer: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece as Buffer);
  const text = Buffer.concat(pieces).toString('utf8');
  const type = answer.headers['content-type'];
  if (type === undefined) return undefined;
  return /[/+]json\b/.test(type) ? (JSON.parse(text) as unknown) : text;
}
