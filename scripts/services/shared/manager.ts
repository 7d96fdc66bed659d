import { request } from 'node:http';
import { argv } from 'node:process';

/**
 * Asks the node's manager by the socket that every sliver has (docs/api.md). By itself, where there is no curl:
 *   node manager.ts GET /v1/self
 *   node manager.ts POST /v1/ports '{"sliver": "ucb_dns", "protocol": "udp", "port": 53}'
 */
const SOCKET = '/run/sliverd/manager.sock';
const MOST_BYTES = 16 * 2 ** 20;
const MOST_MS = 120_000;

/** A refusal (RFC 9457). `code` is stable: docs/errors.md. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;

  constructor(asked: string, status: number, body: { code?: string; detail?: string }) {
    super(`${asked}: ${body.detail ?? 'refused'} (${status} ${body.code ?? ''})`);
    this.status = status;
    this.code = body.code ?? '';
  }
}

/**
 * The answer's JSON; undefined for one that has none. Throws `Problem`, or what the socket says: the daemon may be away for a
 * moment, so ask again. With `later` the answer comes as soon as the request won't be forgotten.
 */
export function ask<T>(method: string, path: string, body?: unknown, later = false): Promise<T> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    ...(text === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    ...(later ? { prefer: 'respond-async' } : {}),
  };
  const signal = AbortSignal.timeout(MOST_MS);
  return new Promise((resolve, reject) => {
    // A connection each: there are seconds or minutes between two questions, and 32 of them for a sliver.
    const call = request(
      { socketPath: SOCKET, method, path, headers, agent: false, signal },
      async (response) => {
        const { statusCode: status = 0 } = response;
        try {
          const answer = parsed(await textOf(response));
          if (status < 300) resolve(answer as T);
          else reject(new Problem(`${method} ${path}`, status, answer ?? {}));
        } catch (error) {
          reject(error);
        }
      },
    );
    call.on('error', reject);
    call.end(text);
  });
}

/** All items of a list that comes in pages. */
export async function all<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  for (let after = ''; ; ) {
    const page = await ask<{ items: T[]; next: string | null }>('GET', `${path}${after}`);
    items.push(...page.items);
    if (page.next === null) return items;
    after = `?after=${encodeURIComponent(page.next)}`;
  }
}

/** What is read to its end, as text; throws when it goes on for more than so many bytes. */
export async function textOf(chunks: AsyncIterable<Uint8Array>, most = MOST_BYTES): Promise<string> {
  const read: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > most) throw new Error(`it has more than ${most} bytes`);
    read.push(chunk);
  }
  return Buffer.concat(read).toString('utf8');
}

function parsed(text: string) {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return { detail: text.slice(0, 200) };
  }
}

if (import.meta.main) {
  const [method = 'GET', path = '/v1/self', body] = argv.slice(2);
  try {
    console.log(JSON.stringify(await ask(method, path, body === undefined ? undefined : JSON.parse(body))));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
