import { execa } from 'execa';
import { SliverdError } from '../errors.ts';

export interface RunOptions {
  input?: string;
  cwd?: string;
  env?: Record<string, string>;
  /** Milliseconds; the program is killed past it. */
  timeout?: number;
  signal?: AbortSignal;
  /** Called for each line the program writes to stderr: progress of long work. */
  onLine?: (line: string) => void;
}

/** Environment of every host program: nothing of the daemon's own, and messages in one language. */
export const HOST_ENV = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C.UTF-8',
};

/**
 * Runs a program of the host to its end and returns its stdout. Output is bounded (16 MB); a failure becomes a
 * `host-tool` error with the end of what it wrote. Hot paths spawn by themselves (environments/namespaces/crun.ts).
 */
export async function run(file: string, args: string[], options: RunOptions = {}): Promise<string> {
  const child = execa(file, args, {
    ...(options.input === undefined ? { stdin: 'ignore' } : { input: options.input }),
    ...(options.cwd ? { cwd: options.cwd } : {}),
    ...(options.signal ? { cancelSignal: options.signal } : {}),
    timeout: options.timeout ?? 60_000,
    env: { ...HOST_ENV, ...options.env },
    extendEnv: false,
    reject: false,
    maxBuffer: 16_000_000,
    killSignal: 'SIGKILL',
  });
  if (options.onLine) {
    void (async () => {
      for await (const line of child.iterable({ from: 'stderr' })) options.onLine?.(line);
    })().catch(() => {});
  }
  const result = await child;
  if (!result.failed) return result.stdout;
  const why =
    (result as { code?: string }).code === 'ENOENT'
      ? `${file} is not installed (run 'sliverctl doctor')`
      : result.timedOut
        ? `did not end in ${options.timeout ?? 60_000} ms`
        : (String(result.stderr ?? '') || String(result.shortMessage))
            .trim()
            .split('\n')
            .slice(-6)
            .join('; ')
            .slice(-2000);
  throw new SliverdError('host-tool', `${file} ${args[0] ?? ''}: ${why}`.trim(), {
    extra: { program: file, ...(result.exitCode === undefined ? {} : { exitCode: result.exitCode }) },
  });
}
