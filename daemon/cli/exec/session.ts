import os from 'node:os';
import { USER } from '../../environments/environment.ts';
import { type Context, pathOf } from '../context.ts';
import { EXIT, usage } from '../exit.ts';
import { Channel, type Ending, type Request } from './channel.ts';
import { BrokenPipe, Sink } from './sink.ts';
import { forwardSignals, hangUpOnSignals, takeTerminal, terminalSize } from './terminal.ts';

export interface ExecOptions {
  readonly user?: string;
  readonly workdir?: string;
  readonly env?: string[];
  /** True forces a terminal, false forbids one. */
  readonly tty?: boolean;
  readonly stdin: boolean;
}

/** So much may wait for a slow reader before the daemon is held back. */
const HIGH_WATER = 512 * 1024;

/** `sliver exec`: never returns; this process ends with the status of what it ran. */
export async function exec(
  context: Context,
  name: string,
  argv: string[],
  options: ExecOptions,
): Promise<never> {
  const request = execRequest(argv, options);
  if (context.json) return process.exit(await execForPrograms(context, name, request));
  const terminal = options.tty ?? Boolean(process.stdin.isTTY && process.stdout.isTTY && options.stdin);
  if (terminal) {
    request.terminal = terminalSize();
    request.env = { TERM: process.env.TERM || 'xterm', ...request.env };
  }
  try {
    process.exit(statusOf(await stream(context, name, request, options.stdin)));
  } catch (error) {
    if (error instanceof BrokenPipe) process.exit(EXIT.brokenPipe);
    throw error;
  }
}

export function execRequest(argv: string[], options: ExecOptions): Request {
  const request: Request = { argv };
  if (options.user !== undefined) {
    if (!new RegExp(USER).test(options.user))
      throw usage(`--user: '${options.user}' is not a user, as in alice, 1000 or 1000:1000`);
    request.user = options.user;
  }
  if (options.workdir !== undefined) {
    if (!options.workdir.startsWith('/'))
      throw usage(`--workdir: '${options.workdir}' does not begin with /`);
    request.cwd = options.workdir;
  }
  if (options.env) request.env = environment(options.env);
  return request;
}

/** `NAME=VALUE`, or `NAME` for the value that it has here (nothing when it has none). */
function environment(given: readonly string[]): Record<string, string> {
  const env: Record<string, string> = {};
  for (const text of given) {
    const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)(?:=(.*))?$/s.exec(text) ?? [];
    if (name === undefined) throw usage(`--env: '${text}' is not NAME=VALUE`);
    const own = value ?? process.env[name];
    if (own !== undefined) env[name] = own;
  }
  return env;
}

export function statusOf(ending: Ending): number {
  if ('exitCode' in ending) return ending.exitCode;
  const name = ending.signal.startsWith('SIG') ? ending.signal : `SIG${ending.signal}`;
  return 128 + (os.constants.signals[name as NodeJS.Signals] ?? 0);
}

async function stream(context: Context, name: string, request: Request, withInput: boolean): Promise<Ending> {
  const sinks = { stdout: new Sink(1), stderr: new Sink(2) };
  const broken = Promise.withResolvers<never>();
  const channel = await Channel.open(
    context.client.socket,
    pathOf('slivers', name, 'exec', 'stream'),
    request,
    (stream, bytes) => {
      // Nobody reads standard error: the program may go on. Nobody reads its output: it is to end.
      const written = sinks[stream].write(bytes).catch((cause) => {
        if (stream === 'stdout') broken.reject(cause);
      });
      return sinks[stream].queued > HIGH_WATER ? written : undefined;
    },
  );
  const undo = request.terminal ? takeTerminal(channel) : () => {};
  const drop = request.terminal ? hangUpOnSignals(channel, undo) : forwardSignals(channel);
  // Input that breaks off because the program has ended is no error: how it ended is what counts.
  if (withInput) feed(channel).catch(() => {});
  else channel.endInput().catch(() => {});
  try {
    const ending = await Promise.race([channel.ended, broken.promise]);
    await Promise.all([
      sinks.stdout.write(Buffer.alloc(0)),
      sinks.stderr.write(Buffer.alloc(0)).catch(() => {}),
    ]);
    return ending;
  } finally {
    drop();
    undo();
    channel.close();
  }
}

async function feed(channel: Channel): Promise<void> {
  for await (const piece of process.stdin) await channel.input(piece as Buffer);
  await channel.endInput();
}

/** With `--json` the answer is one document: the status, and both streams as text (bounded by the daemon). */
async function execForPrograms(context: Context, name: string, request: Request): Promise<number> {
  const result = await context.client.request<{ exitCode: number | null; signal: string | null }>(
    'POST',
    pathOf('slivers', name, 'exec'),
    // The longest that the API grants: a person ends it with ^C.
    { body: { ...request, timeoutSeconds: 3600 } },
  );
  context.print(result, () => '');
  return statusOf(result.exitCode !== null ? { exitCode: result.exitCode } : { signal: result.signal ?? '' });
}
