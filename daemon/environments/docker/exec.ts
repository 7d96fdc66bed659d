import type { Duplex } from 'node:stream';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { SliverdError } from '../../errors.ts';
import type { SliverRecord } from '../../slivers/record.ts';
import { type Account, accountOf } from '../accounts.ts';
import type { ExecProcess, ExecRequest } from '../environment.ts';
import { isProcessOf } from './cgroup.ts';
import { inspect, LOGIN_ENV, wantedContainer } from './containers.ts';
import { statusOf } from './engine.ts';
import type { Context } from './index.ts';
import { demultiplex } from './streams.ts';

/** A process inside, by the engine's exec on a hijacked connection: stdin there, framed (or a terminal's) output back. */
export async function execInside(
  context: Context,
  sliver: SliverRecord,
  request: ExecRequest,
): Promise<ExecProcess> {
  const { engine } = context;
  const { container } = await wantedContainer(context, sliver);
  const what = `running ${request.argv[0]} in ${sliver.name}`;
  const account = await accountIn(context, sliver, container, request);
  const terminal = request.terminal;
  let exec: Docker.Exec;
  let connection: Duplex;
  try {
    exec = (await engine.call(what, (docker) =>
      docker.getContainer(container).exec(options(request, account)),
    )) as Docker.Exec;
    connection = (await engine.call(what, () =>
      exec.start({
        hijack: true,
        stdin: true,
        Tty: terminal !== undefined,
      }),
    )) as Duplex;
  } catch (cause) {
    // 409: it does not run, or is paused.
    if (statusOf(cause) === 409) throw new SliverdError('wrong-state', what, { cause });
    throw cause;
  }
  connection.on('error', () => {});
  const stdout = new PassThrough();
  const stderr = terminal ? null : new PassThrough();
  const told = firstWords(connection);
  const read = stderr ? demultiplex(connection, stdout, stderr) : pass(connection, stdout);
  const resize = terminalSize(exec);
  if (terminal) resize(terminal.columns, terminal.rows);
  return {
    stdin: connection,
    stdout,
    stderr,
    resize: terminal ? resize : () => {},
    kill: (signal) => void kill(exec, container, signal, connection),
    abandon: () =>
      void kill(exec, container, 'SIGHUP', connection).then(() => {
        for (const stream of [connection, stdout, stderr]) stream?.destroy();
      }),
    ended: read.catch(() => {}).then(() => exitOf(context, exec, what, told)),
  };
}

/** By the files that its init sees, where the engine's processes are in sight; numbers do without. */
async function accountIn(
  context: Context,
  sliver: SliverRecord,
  container: string,
  { user }: ExecRequest,
): Promise<Account> {
  const pid = (await inspect(context, container))?.State.Pid ?? 0;
  const seen = isProcessOf(pid, container);
  if (!seen && user !== undefined && !/^[0-9]/.test(user))
    throw new SliverdError(
      'unsupported',
      `user: the files of ${sliver.name} are out of sight, in its engine: give the numbers (UID:GID) of '${user}'`,
    );
  const account = accountOf(sliver.name, seen ? `/proc/${pid}/root` : '/nowhere', user);
  return seen ? account : { ...account, cwd: '/root' };
}

function options(request: ExecRequest, account: Account): Docker.ExecCreateOptions {
  const env = {
    ...LOGIN_ENV,
    ...account.env,
    ...(request.terminal ? { TERM: 'xterm' } : {}),
    ...request.env,
  };
  return {
    Cmd: [...request.argv],
    Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
    WorkingDir: request.cwd ?? account.cwd,
    // The engine adds a user's groups itself when it is told the user alone.
    User: account.groups.length > 0 ? String(account.uid) : `${account.uid}:${account.gid}`,
    Tty: request.terminal !== undefined,
    // Since API 1.42; older engines start with no size, and it is set a moment after.
    ...(request.terminal ? { ConsoleSize: [request.terminal.rows, request.terminal.columns] } : {}),
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  };
}

async function pass(connection: Duplex, stdout: PassThrough): Promise<void> {
  connection.pipe(stdout);
  await new Promise((resolve) => connection.once('close', resolve).once('end', resolve));
}

/** The beginning of a connection's bytes. */
function firstWords(connection: Duplex): () => string {
  let text = '';
  connection.on('data', (data: Buffer) => {
    if (text.length < 1000) text += data.toString('latin1', 0, 1000);
  });
  return () => text;
}

/**
 * Sets sizes one after another, only the newest that is asked for. An engine refuses one, or takes it and forgets it,
 * until the process is there (it has a pid then), and a moment longer: so the first is set twice.
 */
function terminalSize(exec: Docker.Exec): (columns: number, rows: number) => void {
  let wanted: { w: number; h: number } | undefined;
  let first = true;
  let busy = false;
  const started = async () => {
    for (let pause = 5; ; pause = Math.min(pause * 1.5, 200)) {
      const { Pid: pid, Running: running, ExitCode: exitCode } = await exec.inspect();
      if (running && pid > 0) return true;
      if (!running && exitCode !== null) return false;
      await sleep(pause);
    }
  };
  const work = async () => {
    if (first && !(await started())) return;
    while (wanted) {
      const size = wanted;
      wanted = undefined;
      await exec.resize(size);
      if (!first) continue;
      first = false;
      await sleep(100);
      wanted ??= size;
    }
  };
  return (columns, rows) => {
    wanted = { w: columns, h: rows };
    if (busy) return;
    busy = true;
    // Past its end a process has no size: nothing to tell.
    work()
      .catch(() => {})
      .finally(() => {
        busy = false;
      });
  };
}

/** The engine tells the end of the output a moment before the exit status. */
async function exitOf(
  context: Context,
  exec: Docker.Exec,
  what: string,
  told: () => string,
): Promise<{ exitCode: number }> {
  for (let pause = 2; ; pause = Math.min(pause * 1.5, 500)) {
    const info = await context.engine.call(what, () => exec.inspect());
    if (info && !info.Running && info.ExitCode !== null) {
      // The engine has 126 for all that did not start (it has no pid), and says why on the output; of a program
      // that isn't there a shell says 127.
      const missing = info.ExitCode === 126 && !info.Pid && /not found|no such file/.test(told());
      return { exitCode: missing ? 127 : info.ExitCode };
    }
    await sleep(pause);
  }
}

/** The engine signals no exec, so we do, where its processes are in sight; a hang-up is left for the rest. */
async function kill(
  exec: Docker.Exec,
  container: string,
  signal: NodeJS.Signals,
  connection: Duplex,
): Promise<void> {
  try {
    const { Pid: pid, Running: running } = await exec.inspect();
    if (!running) return;
    if (isProcessOf(pid, container)) process.kill(pid, signal);
    else connection.destroy();
  } catch {
    connection.destroy();
  }
}
