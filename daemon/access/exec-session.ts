import type { Readable } from 'node:stream';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { RawData, WebSocket } from 'ws';
import { type Environment, type ExecProcess, type ExecRequest, USER } from '../environments/environment.ts';
import { SliverdError } from '../errors.ts';
import { problemOf } from '../manager/problems.ts';
import type { SliverRecord } from '../slivers/record.ts';

const Size = Type.Object(
  {
    columns: Type.Integer({ minimum: 1, maximum: 10_000 }),
    rows: Type.Integer({ minimum: 1, maximum: 10_000 }),
  },
  { additionalProperties: false },
);
const Request = Type.Object(
  {
    argv: Type.Array(Type.String(), { minItems: 1, maxItems: 4096 }),
    env: Type.Optional(Type.Record(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }), Type.String())),
    cwd: Type.Optional(Type.String({ pattern: '^/' })),
    user: Type.Optional(Type.String({ pattern: USER })),
    terminal: Type.Optional(Size),
  },
  { additionalProperties: false },
);
const Control = Type.Union([
  Type.Object({ resize: Size }, { additionalProperties: false }),
  Type.Object(
    { signal: Type.String({ pattern: '^(HUP|INT|QUIT|KILL|USR1|USR2|TERM|CONT|TSTP)$' }) },
    { additionalProperties: false },
  ),
]);

const [STDIN, STDOUT, STDERR] = [0, 1, 2];
/** Bytes under way to a client before the program's output waits in its pipe. */
const MOST_UNSENT = 256 * 1024;
const FIRST_MESSAGE_WITHIN = 10_000;

/**
 * A program in a sliver over a WebSocket: the first message says what to run, binary messages carry streams (their
 * first byte is the channel), text messages control, and the last one tells the end. Both ways wait for each other.
 */
export function execSession(
  socket: WebSocket,
  enter: () => { record: SliverRecord; environment: Environment },
): void {
  let process: ExecProcess | undefined;
  const refuse = (error: unknown) => finish(socket, { problem: problemOf(error) });
  const silence = setTimeout(
    () => refuse(new SliverdError('bad-request', 'the first message, which says what to run, did not come')),
    FIRST_MESSAGE_WITHIN,
  );
  socket.on('error', () => socket.terminate());
  // A client that goes away hangs up, as a terminal does.
  socket.on('close', () => {
    clearTimeout(silence);
    process?.abandon();
  });
  socket.once('message', async (data, binary) => {
    clearTimeout(silence);
    socket.pause();
    try {
      const request = binary ? undefined : parse(data);
      if (!Value.Check(Request, request))
        throw new SliverdError(
          'bad-request',
          'the first message is not a request to run something (docs/api.md)',
        );
      const { record, environment } = enter();
      process = await environment.exec(record, request as ExecRequest);
      if (socket.readyState !== socket.OPEN) return process.abandon();
      await connect(socket, process);
    } catch (error) {
      refuse(error);
    }
  });
}

async function connect(socket: WebSocket, process: ExecProcess): Promise<void> {
  for (const event of ['drain', 'close']) process.stdin.on(event, () => socket.resume());
  socket.on('message', (data: Buffer, binary: boolean) => {
    if (binary) {
      if (data[0] !== STDIN) return;
      if (data.length === 1) process.stdin.end();
      else if (process.stdin.writable && !process.stdin.write(data.subarray(1))) socket.pause();
      return;
    }
    const control = parse(data);
    if (!Value.Check(Control, control)) return;
    if ('resize' in control) process.resize(control.resize.columns, control.resize.rows);
    else process.kill(`SIG${control.signal}` as NodeJS.Signals);
  });
  socket.resume();
  const sent = [forward(socket, STDOUT, process.stdout)];
  if (process.stderr) sent.push(forward(socket, STDERR, process.stderr));
  const [end] = await Promise.all([process.ended, ...sent]);
  finish(socket, end);
}

/** Sends a stream on a channel; reads on only when the client has taken most of what was sent. */
async function forward(socket: WebSocket, channel: number, stream: Readable): Promise<void> {
  for await (const chunk of stream) {
    if (socket.readyState !== socket.OPEN) break;
    const message = Buffer.concat([Buffer.of(channel), chunk]);
    await new Promise<void>((resolve) => {
      if (socket.bufferedAmount < MOST_UNSENT) {
        socket.send(message, () => {});
        resolve();
      } else socket.send(message, () => resolve());
    });
  }
}

function parse(data: RawData): unknown {
  try {
    return JSON.parse(String(data));
  } catch {
    return undefined;
  }
}

function finish(socket: WebSocket, message: object): void {
  if (socket.readyState !== socket.OPEN) return;
  socket.send(JSON.stringify(message));
  socket.close(1000);
}
