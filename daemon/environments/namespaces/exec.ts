import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../cgroups/tree.ts';
import { SliverdError } from '../../errors.ts';
import { ConsoleSocket } from '../../kernel/console-socket.ts';
import { abortFuse } from '../../kernel/fuse.ts';
import { HOST_ENV } from '../../kernel/run.ts';
import { closeFd } from '../../kernel/syscalls.ts';
import { isMasterSide, Terminal } from '../../kernel/terminal.ts';
import { kernelName, type SliverRecord, UIDS_PER_SLIVER, uidBase } from '../../slivers/record.ts';
import { type Account, accountOf } from '../accounts.ts';
import type { ExecProcess, ExecRequest } from '../environment.ts';
import { type ExecFiles, type OciProcess, tail } from './crun.ts';
import type { Context } from './index.ts';

let sequence = 0;
/** crun opens the guest's own /dev/ptmx, which may be a file of a FUSE server that never lets go of who opened it. */
const TERMINAL_WITHIN = 30_000;

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
  return request.terminal ? onTerminal(args, request.terminal, files, sliver.id) : onPipes(args, files);
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

/**
 * Hangs up as `hangUpLost` does: by the program's own pid, since a crun that is killed hands nothing on, and that comes
 * a moment after crun's start. A crun that its guest holds up is not waited for long.
 */
async function letGo(child: ChildProcessWithoutNullStreams, files: ExecFiles): Promise<void> {
  const over = () => child.exitCode !== null || child.signalCode !== null;
  await until(() => over() || pidOf(files) !== undefined, 5000, 'the program to run').catch(() => {});
  const program = pidOf(files);
  try {
    if (!over() && program !== undefined) process.kill(program, 'SIGHUP');
  } catch {
    // It has just ended.
  }
  if (!over()) child.kill('SIGKILL');
  // Others may have the other ends, for as long as they like.
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
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
    abandon: () => void letGo(child, files),
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
  id: number,
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
    const refuse = (why: string): never => {
      child.kill('SIGKILL');
      abortFuse(uidBase(id), UIDS_PER_SLIVER);
      throw new SliverdError('host-tool', `crun exec: ${why}`);
    };
    const deadline = performance.now() + TERMINAL_WITHIN;
    while (fd === undefined && !done) {
      if (performance.now() > deadline) refuse('the sliver gave no terminal in 30 s');
      done = await Promise.race([over, sleep(1, false)]);
      fd = socket.take();
    }
    if (fd === undefined) return withoutTerminal(await ended);
    if (!isMasterSide(fd)) {
      try {
        refuse("the sliver's /dev/ptmx is no terminal's");
      } finally {
        closeFd(fd); // only now: closing a file of a FUSE server waits for it
      }
    }
    const terminal = new Terminal(fd);
    terminal.resize(size.columns, size.rows);
    return {
      stdin: terminal.stdin,
      stdout: terminal.stdout,
      stderr: null,
      resize: (columns, rows) => terminal.resize(columns, rows),
      kill: (signal) => kill(child, files, signal),
      abandon: () => void letGo(child, files).then(() => terminal.stdout.destroy()),
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
    abandon() {},
    ended: Promise.resolve(end),
  };
}
