import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { Writable } from 'node:stream';
import { SliverdError } from '../../errors.ts';
import { HOST_ENV } from '../../kernel/run.ts';
import { openTerminal } from '../../kernel/terminal.ts';
import { kernelName, type SliverRecord } from '../../slivers/record.ts';
import type { ExecProcess, ExecRequest } from '../environment.ts';
import type { OciProcess } from './crun.ts';
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
  const processFile = `${folder}/exec-${process.pid}-${++sequence}.json`;
  let inside: OciProcess;
  try {
    inside = ociProcess(JSON.parse(readFileSync(`${folder}/config.json`, 'utf8')).process, request);
  } catch (cause) {
    throw new SliverdError('wrong-state', `${sliver.name} is not running`, { cause });
  }
  const args = context.crun.execArguments(kernelName(sliver.id), processFile, inside);
  const done = () => rmSync(processFile, { force: true });
  return request.terminal ? onTerminal(args, request.terminal, done) : onPipes(args, done);
}

function ociProcess(template: OciProcess, request: ExecRequest): OciProcess {
  const [uid = 0, gid] = (request.user ?? '0').split(':').map(Number);
  const env = new Map(template.env.map((entry) => entry.split(/=(.*)/s).slice(0, 2) as [string, string]));
  for (const [key, value] of Object.entries(request.env ?? {})) env.set(key, value);
  return {
    ...template,
    terminal: request.terminal !== undefined,
    ...(request.terminal
      ? { consoleSize: { height: request.terminal.rows, width: request.terminal.columns } }
      : {}),
    user: { uid, gid: gid ?? uid },
    args: request.argv,
    env: [...env].map(([key, value]) => `${key}=${value}`),
    cwd: request.cwd ?? '/root',
  };
}

function onPipes(args: string[], done: () => void): ExecProcess {
  const child = spawn('crun', args, { stdio: 'pipe', env: HOST_ENV });
  child.stdin.on('error', () => {}); // it may end without reading its input
  const ended = new Promise<{ exitCode: number } | { signal: string }>((resolve, reject) => {
    child.on('error', (cause) => reject(new SliverdError('host-tool', 'crun exec', { cause })));
    child.on('close', (code, signal) =>
      resolve(signal ? { signal: signal.replace('SIG', '') } : { exitCode: code ?? 0 }),
    );
  }).finally(done);
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    resize() {},
    kill: (signal) => void child.kill(signal),
    ended,
  };
}

function onTerminal(args: string[], size: { columns: number; rows: number }, done: () => void): ExecProcess {
  const terminal = openTerminal('crun', args, { ...size, env: { ...HOST_ENV, TERM: 'xterm' } });
  const stdin = new Writable({
    write: (chunk, _encoding, callback) => void terminal.master.write(chunk, callback),
    final: (callback) => void terminal.master.write(Buffer.from([4]), callback), // end of file, on a terminal
  });
  stdin.on('error', () => {});
  return {
    stdin,
    stdout: terminal.master,
    stderr: null,
    resize: terminal.resize,
    kill: (signal) => void terminal.child.kill(signal),
    ended: terminal.ended.finally(done),
  };
}
