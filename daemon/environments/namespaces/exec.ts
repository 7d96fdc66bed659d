import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { SliverdError } from '../../errors.ts';
import { ConsoleSocket } from '../../kernel/console-socket.ts';
import { HOST_ENV } from '../../kernel/run.ts';
import { Terminal } from '../../kernel/terminal.ts';
import { kernelName, type SliverRecord } from '../../slivers/record.ts';
import { type Account, accountOf } from '../accounts.ts';
import type { ExecProcess, ExecRequest } from '../environment.ts';
import { type ExecFiles, type OciProcess, tail } from './crun.ts';
import type { Context } from './index.ts';

let sequence = 0;

/**
 * Starts a process inside, by `crun exec`. The sliver's own container configuration is the template, so that the
 * process has the same capabilities, limits and seccomp filter as the init.
 */
export async function execInside(
  context: Context,
  sliver: SliverRecord,
  request: ExecRequest,
): Promise<ExecProcess> {
  const folder = context.paths.sliverRun(sliver.id);
  const files = execFiles(`${folder}/exec-${process.pid}-${++sequence}`);
  let inside: OciProcess;
  try {
    inside = JSON.parse(readFileSync(`${folder}/config.json`, 'utf8')).process;
  } catch (cause) {
    throw new SliverdError('wrong-state', `${sliver.name} is not running`, { cause });
  }
  const root = `/proc/${context.crun.initOf(folder)}/root`;
  inside = ociProcess(inside, request, accountOf(sliver.name, root, request.user));
  const args = context.crun.execArguments(kernelName(sliver.id), files, inside);
  return request.terminal ? onTerminal(args, request.terminal, files) : onPipes(args, files);
}

const execFiles = (base: string): ExecFiles => ({
  process: `${base}.json`,
  pid: `${base}.pid`,
  log: `${base}.log`,
  socket: `${base}.sock`,
});

type End = { exitCode: number } | { signal: string };

/**
 * crun ends with 255 whenever it could not start the program, and so may the program; only crun's own log tells the
 * two apart. The statuses are those of env(1): 127 for a program that isn't there, 126 for one that can't be run.
 */
function judge(end: End, files: ExecFiles): End {
  if (!('exitCode' in end) || end.exitCode !== 255) return end;
  const complaint = tail(files.log);
  if (complaint === '') return end;
  if (!/executable|exec |chdir/.test(complaint))
    throw new SliverdError('host-tool', `crun exec: ${complaint}`);
  return { exitCode: /No such file/.test(complaint) && !/chdir/.test(complaint) ? 127 : 126 };
}

/** The program's pid on the host, once it runs. While its crun lives it is nobody else's. */
function pidOf(files: ExecFiles): number | undefined {
  try {
    return Number(readFileSync(files.pid, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

/** crun hands signals on to the program, but can't hand on the one that kills crun itself. */
function kill(child: ChildProcess, files: ExecFiles, signal: NodeJS.Signals): void {
  const pid = signal === 'SIGKILL' ? pidOf(files) : undefined;
  if (pid === undefined || child.exitCode !== null || child.signalCode !== null)
    return void child.kill(signal);
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended.
  }
}

function remove(files: ExecFiles): void {
  for (const file of Object.values(files)) rmSync(file, { force: true });
}

/**
 * Hangs up what a daemon that died had entered: nobody reads those programs any more, and their crun would stay
 * beside the sliver. One that ignores the hang-up goes on without a crun, as after a lost connection.
 */
export function hangUpLost(folder: string): string[] {
  const lost = existsSync(folder)
    ? readdirSync(folder).filter((name) => /^exec-[0-9]+-[0-9]+\.json$/.test(name))
    : [];
  return lost.map((name) => {
    const files = execFiles(`${folder}/${name.slice(0, -'.json'.length)}`);
    const program = pidOf(files);
    const crun = program === undefined ? undefined : parentOf(program, files.process);
    if (program !== undefined && crun !== undefined) {
      process.kill(program, 'SIGHUP');
      process.kill(crun, 'SIGKILL');
    }
    remove(files);
    return `exec ${name}`;
  });
}

/** The crun that waits for `pid`, known by the process file on its command line: a pid alone may be reused. */
function parentOf(pid: number, processFile: string): number | undefined {
  try {
    const parent = Number(/^PPid:\s+([0-9]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    return readFileSync(`/proc/${parent}/cmdline`, 'utf8').split('\0').includes(processFile)
      ? parent
      : undefined;
  } catch {
    return undefined;
  }
}

function ociProcess(template: OciProcess, request: ExecRequest, account: Account): OciProcess {
  const env = new Map(template.env.map((entry) => entry.split(/=(.*)/s).slice(0, 2) as [string, string]));
  for (const [key, value] of Object.entries({ ...account.env, ...request.env })) env.set(key, value);
  return {
    ...template,
    terminal: request.terminal !== undefined,
    ...(request.terminal
      ? { consoleSize: { height: request.terminal.rows, width: request.terminal.columns } }
      : {}),
    user: { ...template.user, uid: account.uid, gid: account.gid, additionalGids: account.groups },
    args: request.argv,
    env: [...env].map(([key, value]) => `${key}=${value}`),
    cwd: request.cwd ?? account.cwd,
  };
}

function spawnCrun(args: string[]): ChildProcessWithoutNullStreams {
  const child = spawn('crun', args, { stdio: 'pipe', env: HOST_ENV });
  child.stdin.on('error', () => {}); // it may end without reading its input
  return child;
}

/** @param event `close` waits for the end of the streams too. */
async function endOf(child: ChildProcess, event: 'exit' | 'close', files: ExecFiles): Promise<End> {
  try {
    const [code, signal] = await once(child, event);
    return judge(signal ? { signal: signal.replace('SIG', '') } : { exitCode: code ?? 0 }, files);
  } catch (cause) {
    throw cause instanceof SliverdError ? cause : new SliverdError('host-tool', 'crun exec', { cause });
  } finally {
    remove(files);
  }
}

function onPipes(args: string[], files: ExecFiles): ExecProcess {
  const child = spawnCrun(args);
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    resize() {},
    kill: (signal) => kill(child, files, signal),
    ended: endOf(child, 'close', files),
  };
}

/**
 * The terminal is crun's making, inside, but its master side is ours: crun (1.8) itself would pass it on only as long
 * as the program lives, and lose what it wrote last.
 */
async function onTerminal(
  args: string[],
  size: { columns: number; rows: number },
  files: ExecFiles,
): Promise<ExecProcess> {
  const socket = new ConsoleSocket(files.socket);
  try {
    const child = spawnCrun(args);
    const ended = endOf(child, 'exit', files);
    const over = ended.then(
      () => true,
      () => true,
    );
    let [fd, done] = [socket.take(), false];
    while (fd === undefined && !done) {
      done = await Promise.race([over, sleep(1, false)]);
      fd = socket.take();
    }
    if (fd === undefined) return withoutTerminal(await ended);
    const terminal = new Terminal(fd);
    terminal.resize(size.columns, size.rows);
    return {
      stdin: terminal.stdin,
      stdout: terminal.stdout,
      stderr: null,
      resize: (columns, rows) => terminal.resize(columns, rows),
      kill: (signal) => kill(child, files, signal),
      ended: ended.finally(() => terminal.finish()),
    };
  } finally {
    socket.close();
  }
}

/** What could not be started leaves an end, and no terminal. */
function withoutTerminal(end: End): ExecProcess {
  return {
    stdin: new PassThrough().resume(),
    stdout: new PassThrough().end(),
    stderr: null,
    resize() {},
    kill() {},
    ended: Promise.resolve(end),
  };
}
