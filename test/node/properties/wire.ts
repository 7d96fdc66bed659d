import { connect } from 'node:net';
import { type Request, told } from './requests.ts';

/** Nothing that is asked here takes the daemon so long, milliseconds. */
const PATIENCE = 60_000;

/** What came back: nothing, of who was hung up on. */
export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/**
 * Sends a request byte by byte as it is, which no HTTP library does of a wrong one, and reads the answer to its end; of a stream its
 * beginning. The daemon may answer and hang up before it has read all.
 */
export function send(socketPath: string, sent: Request): Promise<Reply | undefined> {
  const { method, target, headers, body } = sent;
  const head = [
    `${method} ${target} HTTP/1.1`,
    'host: node',
    `content-length: ${body.length}`,
    'connection: close',
    ...headers.map(([name, value]) => `${name}: ${value}`),
    '',
    '',
  ].join('\r\n');
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    const pieces: Buffer[] = [];
    const done = () => {
      socket.destroy();
      resolve(parsed(Buffer.concat(pieces)));
    };
    socket.on('data', (piece) => {
      pieces.push(piece);
      if (/\r\ncontent-type: text\/event-stream/i.test(piece.toString('latin1'))) done();
    });
    socket.setTimeout(PATIENCE, () => {
      socket.destroy();
      reject(new Error(`neither answered nor hung up on: ${told(sent)}`));
    });
    socket.on('close', done);
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EPIPE' || error.code === 'ECONNRESET' ? done() : reject(error),
    );
    socket.write(Buffer.concat([Buffer.from(head), body]));
  });
}

function parsed(bytes: Buffer): Reply | undefined {
  const whole = bytes.toString('latin1').replace(/^HTTP\/1.1 100 Continue\r\n\r\n/, '');
  const [, status, head = '', rest = ''] =
    /^HTTP\/1.1 (\d+)[^\r]*\r\n(.*?)\r\n\r\n(.*)$/s.exec(`${whole}`) ?? [];
  if (status === undefined) return undefined;
  const type = /^content-type: *(.*)$/im.exec(head)?.[1]?.trim() ?? '';
  const chunked = /^transfer-encoding: *chunked/im.test(head);
  return {
    status: Number(status),
    type,
    text: Buffer.from(chunked ? unchunked(rest) : rest, 'latin1').toString(),
  };
}

function unchunked(text: string): string {
  let rest = text;
  let all = '';
  for (;;) {
    const [line = '', size = ''] = /^([0-9a-f]+)\r\n/i.exec(rest) ?? [];
    const length = Number.parseInt(size, 16);
    if (!length) return all;
    all += rest.slice(line.length, line.length + length);
    rest = rest.slice(line.length + length + 2);
  }
}
