import type { IncomingMessage } from 'node:http';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { WebSocket } from 'ws';
import { connectionError, unreachable } from '../connection/endpoint.ts';
import { CliError, EXIT, type Problem, problemError } from '../exit.ts';

/** How what was run ended. */
export type Ending = { exitCode: number } | { signal: string };

/** First byte of a binary message. */
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

export interface Request {
  argv: readonly string[];
  env?: Record<string, string>;
  cwd?: string;
  user?: string;
  terminal?: { columns: number; rows: number };
}

/**
 * One run of `exec/stream`: the WebSocket, as bytes and an ending. A reader that is slow holds the daemon back: the
 * socket is paused while `output` has much to write, so that memory stays small.
 */
export class Channel {
  readonly #web: WebSocket;
  /** Settles with the ending; rejects when there is none to tell. */
  readonly ended: Promise<Ending>;

  private constructor(web: WebSocket, ended: Promise<Ending>) {
    this.#web = web;
    this.ended = ended;
  }

  /**
   * @param output gets each piece of output in its order; what it returns holds further ones back until it
   *   resolves, and never rejects.
   * @throws CliError of what the API answers (no such sliver, not running, ...).
   */
  static async open(
    socket: string,
    path: string,
    request: Request,
    output: (stream: 'stdout' | 'stderr', bytes: Buffer) => Promise<void> | undefined,
  ): Promise<Channel> {
    const web = new WebSocket(`ws://localhost${path}`, {
      createConnection: () => net.connect(socket),
      perMessageDeflate: false,
    });
    const ended = new Promise<Ending>((resolve, reject) => {
      web.on('message', (data: Buffer, isBinary) => {
        if (!isBinary) {
          settle(JSON.parse(data.toString('utf8')), path, resolve, reject);
          return;
        }
        const channel = data[0] === STDERR ? 'stderr' : data[0] === STDOUT ? 'stdout' : undefined;
        const full = channel && output(channel, data.subarray(1));
        if (!full) return;
        web.pause();
        void full.then(() => web.resume());
      });
      web.on('close', () => reject(unreachable('the daemon closed the connection before the program ended')));
      web.on('error', (cause) => reject(connectionError(socket, cause)));
    });
    // It may be rejected before anybody asks how it ended.
    ended.catch(() => {});
    await new Promise<void>((resolve, reject) => {
      web.once('open', resolve);
      web.once('error', (cause) => reject(connectionError(socket, cause)));
      web.once('unexpected-response', (_request, response) => {
        refusal(response, path).then(reject, reject);
      });
    });
    web.send(JSON.stringify(request));
    return new Channel(web, ended);
  }

  /** Settles when the bytes are on their way: awaiting it is what holds a fast sender back. */
  input(bytes: Uint8Array): Promise<void> {
    const message = Buffer.allocUnsafe(bytes.length + 1);
    message[0] = STDIN;
    message.set(bytes, 1);
    return new Promise((resolve, reject) => {
      this.#web.send(message, { binary: true }, (error) => (error ? reject(error) : resolve()));
    });
  }

  endInput(): Promise<void> {
    return this.input(new Uint8Array());
  }

  resize(columns: number, rows: number): void {
    this.#tell({ resize: { columns, rows } });
  }

  /** @param signal its name without SIG. */
  signal(signal: string): void {
    this.#tell({ signal });
  }

  close(): void {
    this.#web.close();
  }

  #tell(message: object): void {
    if (this.#web.readyState === WebSocket.OPEN) this.#web.send(JSON.stringify(message));
  }
}

function settle(
  message: Partial<{ exitCode: number; signal: string; problem: Problem }>,
  path: string,
  resolve: (ending: Ending) => void,
  reject: (error: CliError) => void,
): void {
  if (typeof message.exitCode === 'number') resolve({ exitCode: message.exitCode });
  else if (typeof message.signal === 'string') resolve({ signal: message.signal });
  else if (message.problem) reject(problemError(message.problem, message.problem.status ?? 500, path));
}

async function refusal(response: IncomingMessage, path: string): Promise<CliError> {
  const status = response.statusCode ?? 0;
  const body = await text(response).catch(() => '');
  let problem: Problem = { detail: `the daemon answered with status ${status}` };
  try {
    problem = JSON.parse(body) as Problem;
  } catch {
    // No problem document: its status has to do.
  }
  const error = problemError(problem, status, path);
  return error.exit === EXIT.ok ? new CliError(EXIT.failed, error.message) : error;
}
