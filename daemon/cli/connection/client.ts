import type { IncomingMessage } from 'node:http';
import { CliError, EXIT, type Problem, problemError } from '../exit.ts';
import { connectionError } from './endpoint.ts';

export interface RequestOptions {
  readonly body?: unknown;
  /** Don't wait for the end of an operation. */
  readonly noWait?: boolean;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal | undefined;
}

/** The manager's API over its Unix socket: JSON in and out, problem documents as errors. */
export class Client {
  readonly socket: string;

  constructor(socket: string) {
    this.socket = socket;
  }

  /** @returns the body: JSON as a value, text as a string, nothing as undefined. */
  async request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const response = await this.open(method, path, options);
    try {
      return decode(await readAll(response), response.headers['content-type']) as T;
    } catch (cause) {
      if (cause instanceof CliError) throw cause;
      throw connectionError(this.socket, cause);
    }
  }

  get<T>(path: string): Promise<T> {
    return this.request<T>('GET', path);
  }

  /** The answer as a stream, once it has begun well. */
  async open(method: string, path: string, options: RequestOptions = {}): Promise<IncomingMessage> {
    const http = await import('node:http');
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    const headers: Record<string, string> = { accept: 'application/json', ...options.headers };
    if (body !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = String(Buffer.byteLength(body));
    }
    if (options.noWait) headers.prefer = 'respond-async';
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = http.request(
        {
          socketPath: this.socket,
          method,
          path,
          headers,
          agent: false,
          ...(options.signal ? { signal: options.signal } : {}),
        },
        resolve,
      );
      request.on('error', (cause) => reject(connectionError(this.socket, cause)));
      request.end(body);
    });
    const status = response.statusCode ?? 0;
    if (status < 400) return response;
    const problem = decode(
      await readAll(response).catch((cause) => {
        throw connectionError(this.socket, cause);
      }),
      response.headers['content-type'],
    );
    throw problemError(asProblem(problem, status), status, path);
  }
}

function asProblem(answer: unknown, status: number): Problem {
  if (typeof answer === 'object' && answer !== null) return answer as Problem;
  const text = typeof answer === 'string' && answer ? `: ${answer.slice(0, 200)}` : '';
  return { detail: `the daemon answered with status ${status}${text}` };
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function decode(text: string, type = ''): unknown {
  if (text === '') return undefined;
  if (!/[/+]json\b/.test(type)) return text;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CliError(EXIT.failed, 'the daemon answered with what is not JSON', { cause });
  }
}

/** All items of a list that comes in pages. */
export async function listAll<T>(client: Client, path: string): Promise<T[]> {
  const items: T[] = [];
  let after: string | null = null;
  do {
    const query: string = after === null ? '' : `?after=${encodeURIComponent(after)}`;
    const page: { items: T[]; next?: string | null } = await client.get(`${path}${query}`);
    items.push(...page.items);
    after = page.next ?? null;
  } while (after !== null);
  return items;
}
